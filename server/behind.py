"""What works behind the requests: the readers of every shard, and what there is to do beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import structlog

from domain.cells import Whereabouts
from eventlog.follow import Pace, Report, follow
from eventlog.postgres_batches import PostgresBatchLog
from server.batches import Unpacker
from server.books.charges import Charges
from server.books.keeping import Keeper
from server.books.repricing import repricing
from server.care.carer import Carer
from server.channels.presence import Presence
from server.config import Config, JetStream, Webhook
from server.configured import no_entries
from server.directory.announce import Announcer
from server.duty.back_again import BackAgain
from server.duty.climber import Climber
from server.duty.outbox import Outbox as DutyOutbox
from server.enrol_link import certificate_sha256
from server.feeds.offering import Offering
from server.feeds.outbox import Outbox
from server.feeds.platform_worker import Platforms
from server.feeds.protocols import narrowing, protocols, retry_s
from server.feeds.used_codes import Teller
from server.feeds.webhook import Webhook as WebhookSender
from server.house import House
from server.leases import Everything, Leases, Share
from server.payments.bills import Bills
from server.payments.watch import Watch
from server.readers import folding, shard_readers
from server.shard_reader import Rest, ShardReader
from server.silent_gateways import SilentGateways
from server.store import address
from server.store.postgres import LIVE_CHANNEL
from server.watch.keeper import WatchKeeper

if TYPE_CHECKING:
    from server.feeds.national import NationalFeed

log = structlog.get_logger()

# What a process does: answer requests, read the log, or both.
Part = Literal["all", "requests", "readers"]
Work = Callable[[], Coroutine[Any, Any, None]]

_MOST_PAUSE_S = 5.0  # of a reader that cannot go on: so soon it sees that a person or a mended record let it
_CROWD = 16  # gateways that wait at once
PACE = Pace(retry_s=lambda failures: min(_MOST_PAUSE_S, 0.1 * 2 ** min(failures, 10)))


async def run_behind(house: House, part: Part = "all") -> None:
    """Everything that works behind the requests, or one part of it, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        if isinstance(house.log, PostgresBatchLog):
            house.log.between.others[LIVE_CHANNEL] = house.live.ring
            house.log.between.came = house.ingest.pouring.came  # readers give way to what others take, too
            house.log.between.pressed, house.ingest.hurry.elsewhere = house.ingest.hurry.ring, house.log.between.press
            tasks.create_task(house.log.run())
        if part != "readers":
            tasks.create_task(house.ingest.run())
            tasks.create_task(house.live.run())
            tasks.create_task(house.desired.run())
            tasks.create_task(Presence(house.db, house.live, house.now).run())
        if part != "requests":
            share = _share(house, part)
            house.seen.held = lambda: share.held
            tasks.create_task(share.run())


def _share(house: House, part: Part) -> Share:
    """What only one process may do at a time: each shard's readers, each feed's sender, the comparison."""
    readers, works = everything(house)
    report = _shown(house)

    async def work(name: str) -> None:
        if name in works:
            await works[name]()
            return
        async with asyncio.TaskGroup() as tasks:
            for reader in readers:
                tasks.create_task(follow(house.log, name, reader, report, PACE))

    names = [*house.log.partitions, *works]
    return Leases(house.db.url, names, work) if address.is_postgres(house.db.url) else Everything(names, work)


def _shown(house: House) -> Report:
    """What is done with a reader's failure: counted, and told."""

    def report(reader: str, shard: str, error: Exception) -> None:
        house.seen.waits[reader] += 1
        log.error("reader_waits", reader=reader, shard=shard, error=repr(error))

    return report


def everything(house: House) -> tuple[list[ShardReader], dict[str, Work]]:
    """The readers of every shard, and what else there is to do, by its name."""
    unpacker, pouring = Unpacker(fresh=house.ingest.fresh), house.ingest.pouring
    rest = Rest(pouring, crowded=lambda: house.ingest.waiting + house.hellos.waiting >= _CROWD, lively=pouring.is_busy)
    platforms = Platforms(house.db, house.folder, protocols(house), house.now, retry_s)
    readers, works = _webhooks(house, unpacker, rest)
    return [*_readers(house, unpacker, rest, platforms), *readers], works | _works(house, platforms)


def _readers(house: House, unpacker: Unpacker, rest: Rest, platforms: Platforms) -> list[ShardReader]:
    """Of every shard; webhooks' come with their senders (``_webhooks``)."""
    is_busy = house.ingest.pouring.is_busy
    offering = Offering(house.now, narrowing(house))
    offered = ShardReader(offering, house.db, unpacker, platforms.ring, rest, is_busy)
    return [*shard_readers(house, unpacker, rest), offered]


def _works(house: House, platforms: Platforms) -> dict[str, Work]:
    """What one process at a time does beside the readers, by its name."""
    book = Charges(house.lots, house.now, no_entries(house.config))
    works: dict[str, Work] = {
        "conservation": house.conservation.run,
        "retention": house.retention.run,
        "rollouts": house.rollouts.run,
        "joins": house.corrections.run,
        "used_codes": Teller(house.db, house.now).run,
        "duty": Climber(house.db, house.acting.duties, house.now, house.live.ring).run,
        "back_again": BackAgain(house.db, house.acting.duties, house.now, house.live.ring).run,
        "ledger": Keeper(house.db, house.now, [repricing(book)]).run,
        "care": Carer(house.db, house.log, house.now).run,
        "silent_gateways": SilentGateways(house.db, house.log, house.now).run,
        "watch": WatchKeeper(house.db, house.seal, house.channels, house.config.public_url, house.now).run,
        "channels": DutyOutbox(house.db, house.channels, house.config.public_url, house.now, house.live.ring).run,
        "platforms": platforms.run,
    }
    if house.config.payments:
        works["payments"] = Watch(house.db, house.desk, house.refunds, house.now).run
        works["provider_bills"] = Bills(house.db, house.desk.calls, house.now).run
    if house.config.directory.url:
        works["directory"] = _announcer(house).run
    return works | {f"jetstream/{feed.name}": _national(house, feed).run for feed in house.config.jetstreams}


def _webhooks(house: House, unpacker: Unpacker, rest: Rest) -> tuple[list[ShardReader], dict[str, Work]]:
    """For each the reader that queues what is for it, and the sender that the reader rings."""
    readers, works = list[ShardReader](), dict[str, Work]()
    for webhook in house.config.webhooks:
        sender = _sender(house, webhook)
        outbox = Outbox(webhook.name, frozenset(webhook.kinds))
        readers.append(ShardReader(outbox, house.db, unpacker, sender.more.set, rest))
        works[f"feed/{webhook.name}"] = sender.run
    return readers, works


def _national(house: House, feed: JetStream) -> NationalFeed:
    """The driver is loaded only where such a feed is configured: it is an extra of its own."""
    from eventlog.jetstream import JetStreamSink, Place
    from server.feeds.national import NationalFeed

    password = (house.folder / feed.password_file).read_text().strip() if feed.password_file else ""
    ca = str(house.folder / feed.ca_file) if feed.ca_file else ""
    place = Place(feed.servers, feed.stream, feed.subject, feed.replicas, feed.user, password, ca)
    sink = JetStreamSink(place, house.config.cell or "city")
    return NationalFeed(feed.name, house.log, house.db, sink, _shown(house))


def _sender(house: House, webhook: Webhook) -> WebhookSender:
    return WebhookSender(webhook.name, webhook.url, _secret(house.folder, webhook), house.db, house.now, retry_s)


def _secret(folder: Path, webhook: Webhook) -> bytes:
    return (folder / webhook.secret_file).read_bytes().strip() if webhook.secret_file else b""


def _announcer(house: House) -> Announcer:
    config, folder = house.config, house.folder

    def here() -> Whereabouts:
        return Whereabouts(config.public_url, certificate_sha256(folder, config))

    def secret() -> bytes:
        return (folder / config.directory.secret_file).read_bytes().strip()

    return Announcer(config.directory, secret, [place.id for place in config.complexes], here, house.db)


def reader_names(config: Config) -> list[str]:
    """What ``everything`` makes, and what follows the log by itself, by name."""
    feeds = [Outbox(one.name, frozenset()).name for one in config.webhooks]
    return [*folding(config), Offering.name, *feeds, *(f"jetstream:{one.name}" for one in config.jetstreams)]
