"""Wires the centre: the only place that names concrete adapters."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import structlog

from domain.cells import Whereabouts
from domain.places import Hours, Place, hours
from domain.tariff import BadTariff, LotTariff
from eventlog.follow import Pace, Report, follow
from eventlog.postgres_batches import PostgresBatchLog
from eventlog.sqlite_batches import SqliteBatchLog
from server.batches import Unpacker
from server.books.charges import Charges
from server.books.keeping import Keeper
from server.books.lane_money import LaneMoney
from server.books.lots import Lots
from server.books.no_entry import NoEntry
from server.books.repricing import repricing
from server.care.carer import Carer
from server.care.movements import Movements
from server.cells import moves
from server.cells.arrive import Arrivals, Settings
from server.cells.fence import raise_fences
from server.centre_log import CentreLog
from server.channels.presence import Presence
from server.channels.registry import BadChannel, Channels
from server.channels.registry import make_all as make_channels
from server.config import BadConfig, Complex, Config, JetStream, Webhook
from server.conservation import Conservation as Comparison
from server.corrections import Corrections
from server.desired import Desired
from server.directory.announce import Announcer
from server.duty.acting import Acting
from server.duty.back_again import BackAgain
from server.duty.climber import Climber
from server.duty.duties import Duties
from server.duty.ladder import Ladder
from server.duty.outbox import Outbox as DutyOutbox
from server.enrol_link import certificate_sha256
from server.feeds.cascade.narrowing import Narrowing as Subscriptions
from server.feeds.lane_cars import LaneCars
from server.feeds.offering import Narrowing, Offering
from server.feeds.outbox import Outbox
from server.feeds.platform_worker import MakeSender, Platforms
from server.feeds.used_codes import Teller, UsedCodes
from server.feeds.webhook import Webhook as WebhookSender
from server.feeds.webhook_platform import webhook_platform
from server.gateway_auth import GatewayAuth
from server.hello import Hellos
from server.house import House
from server.ingest import Ingest
from server.leases import Everything, Leases, Share
from server.live import Hub
from server.media import MediaBox
from server.objects import open_objects
from server.oidc import Provider, check_url
from server.payments.bills import Bills
from server.payments.calls import Calls, make_all
from server.payments.desk import Desk
from server.payments.refunds import Refunds
from server.payments.watch import Watch
from server.projections.alerts import Alerts
from server.projections.conservation import Conservation
from server.projections.detections import Detections
from server.projections.doors import Doors
from server.projections.orders import OrderResults
from server.projections.parking import Parking
from server.projections.pictures import Pictures
from server.rebuild import Projection
from server.refill import Refill
from server.retention.erase import Eraser
from server.retention.erasures import Erasures
from server.retention.rounds import Retention
from server.rollouts import Rollouts
from server.second_factor import SecondFactor, key_of
from server.shard_reader import Breath, Fold, Rest, ShardReader
from server.silent_gateways import SilentGateways
from server.store import address, failures, migrate
from server.store.engine import Database
from server.store.one_writer import Rank
from server.store.people import ROLES
from server.store.postgres import LIVE_CHANNEL
from server.store.schema import complex_
from server.store.upsert import insert
from server.tariff_file import BadFile, load_tariff
from server.viid.library import BadPassword, Library, open_library
from server.viid.ordering import WatchOrders
from server.watch.hits import WatchHits
from server.watch.keeper import WatchKeeper
from server.watch.sealing import Seal
from server.web.render import render_live

if TYPE_CHECKING:
    from server.feeds.national import NationalFeed
    from server.feeds.sender import Sender
    from server.payments.merchants import Merchant
    from server.payments.provider import PaymentProvider
    from server.payments.wechat_login import WeChatLogin
    from server.store.platform_rows import Platform

log = structlog.get_logger()

# What a process does: answer requests, read the log, or both.
Part = Literal["all", "requests", "readers"]
Works = Mapping[str, Callable[[], Coroutine[Any, Any, None]]]

_MOST_PAUSE_S = 5.0  # of a reader that cannot go on: so soon it sees that a person or a mended record let it
_CROWD = 16  # gateways that wait at once
PACE = Pace(retry_s=lambda failures: min(_MOST_PAUSE_S, 0.1 * 2 ** min(failures, 10)))
_MOST_RETRY_S = 60.0


def utc_now() -> datetime:
    return datetime.now(UTC)


async def open_house(folder: Path, config: Config) -> House:
    """Open a data folder: migrate its database, make what is missing, and wire the parts. Raises DatabaseBusy."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = address.of(folder, config.database)
    with failures.named():
        await asyncio.to_thread(migrate.upgrade, url)
    db = Database(url)
    batches = await _open_log(folder, url, db)
    objects = open_objects(folder, config)
    await know_complexes(db, config.complexes)
    await _keep_fences(db)
    calls = payment_calls(folder, config)
    lots = Lots(partial(tariffs_of, folder, config))
    book = Charges(lots, utc_now, no_entries(config))
    desired, desk = Desired(db, utc_now), Desk(db, calls, book, utc_now)
    desk.ring = lambda complex_id: desired.ring({complex_id})
    media, erasures = MediaBox(objects, db, utc_now), Erasures(db, utc_now)
    refill = Refill(batches, db, utc_now, erasures.without_erased)
    conservation = Comparison(db, batches, places(config), utc_now)
    seal = Seal(key_of(folder))
    orders = WatchOrders(db, seal, desired.ring, utc_now)
    return House(
        folder=folder,
        config=config,
        db=db,
        log=batches,
        ingest=Ingest(batches, db, utc_now, sieve=erasures.without_erased),
        refill=refill,
        media=media,
        gateways=GatewayAuth(db, utc_now, timedelta(minutes=config.code_life_min)),
        live=Hub(db, render_live, utc_now),
        desired=desired,
        conservation=conservation,
        hellos=Hellos(db, batches, refill, conservation, utc_now),
        arrivals=Arrivals(db, batches, folding(config), partial(cell_settings, folder, config), utc_now),
        retention=Retention(db, batches, media, config.retention, places(config), utc_now),
        eraser=Eraser(db, media, folder, utc_now),
        second_factor=SecondFactor(key_of(folder)),
        seal=seal,
        oidc=_oidc(folder, config),
        rollouts=Rollouts(db, utc_now),
        desk=desk,
        refunds=Refunds(db, calls, utc_now),
        corrections=Corrections(db, lambda: book, utc_now),
        lots=lots,
        acting=Acting(db, Duties(places(config))),
        channels=channels_of(folder, config),
        viid=view_library(folder, config, db, batches, media, orders),
        now=utc_now,
    )


def no_entries(config: Config) -> dict[str, NoEntry]:
    """What an exit without an entry costs, by complex."""
    return {place.id: place.no_entry for place in config.complexes}


def _oidc(folder: Path, config: Config) -> Provider | None:
    """The provider of server.toml. Raises BadConfig."""
    if config.oidc is None:
        return None
    check_url(config.oidc.issuer)
    if config.oidc.new_role and config.oidc.new_role not in ROLES:
        raise BadConfig(f"oidc: no such role: {config.oidc.new_role!r}; there are {', '.join(ROLES)}")
    try:
        secret = (folder / config.oidc.secret_file).read_text().strip() if config.oidc.secret_file else ""
    except OSError as error:
        raise BadConfig(f"oidc: {folder / config.oidc.secret_file}: {error.strerror or error}") from error
    return Provider(config.oidc, secret, utc_now)


def payment_calls(folder: Path, config: Config) -> Calls:
    """The merchants' providers; their libraries are loaded where there are some. Raises BadConfig."""
    try:
        return make_all(config.payments, folder, config.public_url, _make_provider, _logins(folder, config))
    except (OSError, ValueError) as error:
        raise BadConfig(f"payments: a key cannot be used: {error}") from error


def channels_of(folder: Path, config: Config) -> Channels:
    """By what people are told of alerts. Raises BadConfig."""
    try:
        return make_channels(folder, config.channels, utc_now)
    except BadChannel as error:
        raise BadConfig(str(error)) from error


def view_library(
    folder: Path, config: Config, db: Database, batches: CentreLog, media: MediaBox, orders: WatchOrders
) -> Library:
    """Our own view library, with who may call it. Raises BadConfig."""
    key_of(folder)
    try:
        return open_library(folder, config.viid, db, batches, media, orders, utc_now)
    except BadPassword as error:
        raise BadConfig(str(error)) from error


def _logins(folder: Path, config: Config) -> dict[str, WeChatLogin]:
    """By merchant: who is known inside WeChat by which official account."""
    named = [one for one in config.payments if one.app_secret_file]
    if not named:
        return {}
    from server.payments.merchants import read_key
    from server.payments.wechat_login import WeChatLogin

    return {
        one.merchant: WeChatLogin(one.app_id, read_key(folder, one.app_secret_file), one.gateway, one.timeout_s)
        for one in named
    }


def _make_provider(merchant: Merchant, folder: Path, notify_url: str) -> PaymentProvider:
    from server.payments import alipay, wechat
    from server.payments.merchants import read_key

    private, platform = (read_key(folder, name) for name in (merchant.private_key_file, merchant.platform_key_file))
    if merchant.channel == "alipay":
        return alipay.Alipay(merchant, private, platform, notify_url)
    keys = wechat.Keys(private, platform, read_key(folder, merchant.api_v3_key_file))
    return wechat.WeChat(merchant, keys, notify_url)


async def _open_log(folder: Path, url: str, db: Database) -> CentreLog:
    if not address.is_postgres(url):
        return await SqliteBatchLog.open(folder / address.FILE, db.lock.at("first"), utc_now)
    return await PostgresBatchLog.open(url, utc_now)


async def close_house(house: House) -> None:
    house.desk.calls.close()
    await house.channels.close()
    await house.log.close()
    await house.db.close()


async def know_complexes(db: Database, complexes: list[Complex]) -> None:
    if not complexes:
        return
    statement = insert(complex_)
    changed = {"name": statement.excluded.name, "timezone": statement.excluded.timezone}
    rows = [{"id": place.id, "name": place.name, "timezone": place.timezone} for place in complexes]
    async with db.write() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), rows)


async def _keep_fences(db: Database) -> None:
    """A migration may have made a table anew, and its triggers with it."""
    async with db.read() as connection:
        nothing_moves = not await moves.away(connection)
    if not nothing_moves:
        async with db.write_alone() as connection:
            await raise_fences(connection)


def folding(config: Config) -> list[str]:
    """The readers whose rows belong to complexes."""
    return [
        *projections(config),
        Charges.name,
        LaneMoney.name,
        UsedCodes.name,
        LaneCars.name,
        Ladder.name,
        Movements.name,
        WatchHits.name,
    ]


def cell_settings(folder: Path, config: Config) -> dict[str, Settings]:
    """What must be the same of a complex in two cells. Raises BadConfig."""
    priced = tariffs_of(folder, config)
    return {place.id: _cell_settings(place, priced.get(place.id)) for place in config.complexes}


def _cell_settings(place: Complex, priced: LotTariff | None) -> Settings:
    quiet = [(span.from_, span.to) for span in place.quiet]
    if priced is None:
        return Settings(place.timezone, quiet)
    versions = {name: plan.version for name, plan in priced.tariff.plans.items()}
    return Settings(place.timezone, quiet, versions, priced.default)


async def run_behind(house: House, part: Part = "all") -> None:
    """Everything that works behind the requests, or one part of it, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        if isinstance(house.log, PostgresBatchLog):
            house.log.between.others[LIVE_CHANNEL] = house.live.ring
            house.log.between.came = house.ingest.pouring.came  # readers give way to what others take, too
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
    readers, works = _readers(house)
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


def _readers(
    house: House,
) -> tuple[list[ShardReader], Mapping[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """The readers of every shard, and what else there is to do, by its name."""
    unpacker = Unpacker(fresh=house.ingest.fresh)
    pouring = house.ingest.pouring
    rest = Rest(pouring, crowded=lambda: house.ingest.waiting + house.hellos.waiting >= _CROWD, lively=pouring.is_busy)
    readers = shard_readers(house, unpacker, rest)
    works = {"conservation": house.conservation.run, "retention": house.retention.run, "rollouts": house.rollouts.run}
    works["joins"] = house.corrections.run
    works["used_codes"] = Teller(house.db, house.now).run
    book = Charges(house.lots, house.now, no_entries(house.config))
    works["duty"] = Climber(house.db, house.acting.duties, house.now, house.live.ring).run
    works["back_again"] = BackAgain(house.db, house.acting.duties, house.now, house.live.ring).run
    works["ledger"] = Keeper(house.db, house.now, [repricing(book)]).run
    works["care"] = Carer(house.db, house.log, house.now).run
    works["silent_gateways"] = SilentGateways(house.db, house.log, house.now).run
    works["watch"] = WatchKeeper(house.db, house.seal, house.channels, house.config.public_url, house.now).run
    works["channels"] = DutyOutbox(house.db, house.channels, house.config.public_url, house.now, house.live.ring).run
    platforms = Platforms(house.db, house.folder, protocols(house), house.now, _retry_s)
    readers.append(
        ShardReader(Offering(house.now, narrowing(house)), house.db, unpacker, platforms.ring, rest, pouring.is_busy)
    )
    works["platforms"] = platforms.run
    if house.config.payments:
        works["payments"] = Watch(house.db, house.desk, house.refunds, house.now).run
        works["provider_bills"] = Bills(house.db, house.desk.calls, house.now).run
    if house.config.directory.url:
        works["directory"] = _announcer(house).run
    works |= {f"jetstream/{feed.name}": _national(house, feed).run for feed in house.config.jetstreams}
    for webhook in house.config.webhooks:
        sender = _sender(house, webhook)
        outbox: Fold = Outbox(webhook.name, frozenset(webhook.kinds))
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


def protocols(house: House) -> Mapping[str, MakeSender]:
    """What upper platforms may speak, by the word of their kind."""

    def webhook(one: Platform, secret: bytes) -> Sender:
        return webhook_platform(one, secret, house.now)

    def gat1400(one: Platform, secret: bytes) -> Sender:
        from server.feeds.gat1400.making import gat1400_platform  # loaded where such a platform is recorded

        return gat1400_platform(one, secret, house.db, house.media, house.folder, house.now)

    def gb28181(one: Platform, secret: bytes) -> Sender:
        from server.feeds.gb28181.making import gb28181_platform  # the same

        return gb28181_platform(one, secret, house.db, house.now, _retry_s)

    def mqtt(one: Platform, secret: bytes) -> Sender:
        from server.feeds.mqtt_platform import mqtt_platform  # the same

        return mqtt_platform(one, secret, house.folder)

    def cascade(one: Platform, secret: bytes) -> Sender:
        from server.feeds.cascade.making import cascade_platform  # the same

        library, seal = house.config.viid, house.seal
        return cascade_platform(one, secret, house.db, house.media, house.folder, house.now, library, seal)

    return {"webhook": webhook, "gat1400": gat1400, "gb28181": gb28181, "mqtt": mqtt, "cascade": cascade}


def narrowing(house: House) -> Mapping[str, Narrowing]:
    """Platforms that are owed only what they asked for, by the word of their kind."""
    return {"cascade": Subscriptions(house.config.viid, house.folder, house.now)}


def _announcer(house: House) -> Announcer:
    config, folder = house.config, house.folder

    def here() -> Whereabouts:
        return Whereabouts(config.public_url, certificate_sha256(folder, config))

    def secret() -> bytes:
        return (folder / config.directory.secret_file).read_bytes().strip()

    return Announcer(config.directory, secret, [place.id for place in config.complexes], here, house.db)


def shard_readers(house: House, unpacker: Unpacker, rest: Rest) -> list[ShardReader]:
    """The projections, the book, and what tells gateways of each other; what they unpack they share."""
    is_busy = house.ingest.pouring.is_busy

    def breath(rank: Rank = "usual") -> Breath:
        return Breath(is_busy, house.ingest.hurry, rank=rank)

    paces = {Alerts.name: breath("first")}
    readers = [
        ShardReader(one, house.db, unpacker, house.live.ring, paces.get(one.name, rest), is_busy)
        for one in projections(house.config).values()
    ]
    book = Charges(house.lots, house.now, no_entries(house.config))
    beside: list[Fold] = [book, LaneMoney(house.now), UsedCodes(), LaneCars(), Movements()]
    ladder = ShardReader(Ladder(house.acting.duties, house.now), house.db, unpacker, house.live.ring, breath(), is_busy)
    hits = ShardReader(WatchHits(house.acting.duties, house.now), house.db, unpacker, rest=breath(), is_busy=is_busy)
    return [
        *readers,
        ladder,
        hits,
        *(ShardReader(one, house.db, unpacker, rest=rest, is_busy=is_busy) for one in beside),
    ]


def reader_names(config: Config) -> list[str]:
    """What ``_readers`` makes, and what follows the log by itself, by name."""
    feeds = [Outbox(one.name, frozenset()).name for one in config.webhooks]
    return [*folding(config), Offering.name, *feeds, *(f"jetstream:{one.name}" for one in config.jetstreams)]


def _sender(house: House, webhook: Webhook) -> WebhookSender:
    return WebhookSender(webhook.name, webhook.url, _secret(house.folder, webhook), house.db, house.now, _retry_s)


def _retry_s(failures: int) -> float:
    return min(_MOST_RETRY_S, 0.5 * 2 ** min(failures - 1, 10)) * (0.5 + random.random() / 2)  # noqa: S311 - jitter


def projections(config: Config) -> dict[str, Projection]:
    """Every projection by name; a rebuild makes its own, which rings nobody."""
    return _projections(config, announce=True)


def quiet_projections(config: Config) -> dict[str, Projection]:
    return _projections(config, announce=False)


def _projections(config: Config, *, announce: bool) -> dict[str, Projection]:
    sites = places(config)
    alerts = Alerts(sites, utc_now, announce=announce)
    found: list[Projection] = [
        alerts,
        Doors(utc_now if announce else None),
        Parking(),
        Conservation(sites),
        OrderResults(),
        Pictures(),
        Detections(),
    ]
    return {projection.name: projection for projection in found}


def places(config: Config) -> Mapping[str, Place]:
    """What alert rules must know of each complex."""
    return {place.id: Place(ZoneInfo(place.timezone), _quiet(place)) for place in config.complexes}


def _quiet(place: Complex) -> tuple[Hours, ...]:
    return tuple(hours(span.from_, span.to) for span in place.quiet)


def tariffs_of(folder: Path, config: Config) -> dict[str, LotTariff]:
    """The tariff of each complex that server.toml names a file of. Raises BadConfig: which, and what is wrong."""
    found: dict[str, LotTariff] = {}
    for place in config.complexes:
        if place.tariff:
            found[place.id] = _tariff(folder / place.tariff, place)
    return found


def _tariff(path: Path, place: Complex) -> LotTariff:
    try:
        tariff = load_tariff(path)
        tariff.plan(place.tariff_class)
    except (BadFile, BadTariff) as error:
        raise BadConfig(f"tariff of {place.id}: {path}: {error}") from error
    return LotTariff(tariff, place.tariff_class)


def _secret(folder: Path, webhook: Webhook) -> bytes:
    return (folder / webhook.secret_file).read_bytes().strip() if webhook.secret_file else b""
