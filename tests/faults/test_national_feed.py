"""Nodes of the national stream die under load: every batch of the log is in it, once by its origin."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy

from domain.wire import pack, read_header
from eventlog.jetstream import MESSAGE_ID, JetStreamSink, Place, SinkBroken
from eventlog.log import Arrival, Record
from eventlog.shards import shard_of
from eventlog.sqlite_batches import SqliteBatchLog
from server.configured import utc_now
from server.feeds.national import NationalFeed
from server.store import address, migrate
from server.store.engine import Database
from simulators.nats_cluster import NatsCluster
from tests.faults.story import Story, choose

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("national feed")]  # one cluster for all

EVENT = b'{"kind":"input","device":"x:1","recorded_at":"2026-03-01T00:00:00Z"}'
BETWEEN = 60  # batches acknowledged before each kill
AGAIN_S, DRAIN_S = 60.0, 90.0
_COMPLEXES = 8
_names = iter(range(1_000_000))


@pytest.fixture(scope="module")
def cluster() -> Iterator[NatsCluster]:
    with NatsCluster() as started:
        yield started


class Load:
    """A centre's log that grows, and the feed that follows it."""

    def __init__(self, log: SqliteBatchLog, feed: NationalFeed, db: Database) -> None:
        self.log, self.feed, self.db = log, feed, db
        self.appended: list[str] = []
        self.more = True

    async def write(self, rate: float = 60.0) -> None:
        """Batches of a few complexes until cancelled."""
        for number in range(1_000_000):
            while not self.more:
                await asyncio.sleep(0.1)
            complex_id = f"garden-{number % _COMPLEXES}"
            packed = pack(f"gw-{complex_id}", "routine", "e1", 1 + number // _COMPLEXES, [EVENT])
            (receipt,) = await self.log.append([Arrival(read_header(packed), packed, complex_id)])
            assert receipt.outcome == "stored", receipt
            self.appended.append(f"gw-{complex_id}/routine/e1/{1 + number // _COMPLEXES}-{1 + number // _COMPLEXES}")
            await asyncio.sleep(1 / rate)

    async def grown(self, by: int) -> None:
        had = len(self.appended)
        async with asyncio.timeout(AGAIN_S):
            while len(self.appended) < had + by:
                await asyncio.sleep(0.02)

    async def drained(self) -> None:
        """Write no more, until the feed has read it all."""
        self.more = False
        await asyncio.sleep(0.2)
        await until(self.behind, DRAIN_S)

    async def behind(self) -> int:
        """How many shards the feed has not read to the end."""
        shards = {shard_of(f"garden-{number}") for number in range(_COMPLEXES)}
        return sum([await self.feed.position(shard) < await self.log.head(shard) for shard in shards])


@asynccontextmanager
async def loaded(folder: Path, place: Place, sink: type[JetStreamSink] = JetStreamSink) -> AsyncIterator[Load]:
    path = folder / "centre.db"
    await asyncio.to_thread(migrate.upgrade, address.sqlite(path))
    db = Database(address.sqlite(path))
    log = await SqliteBatchLog.open(path, db.lock, utc_now)
    feed = NationalFeed("country", log, db, sink(place, "east"), lambda *_: None)
    load = Load(log, feed, db)
    works = [asyncio.create_task(feed.run()), asyncio.create_task(load.write())]
    try:
        yield load
        assert not any(work.done() for work in works), "the load ended before what it was to be under"
    finally:
        for work in works:
            work.cancel()
        await asyncio.wait(works)
        await log.close()
        await db.close()


async def until(left: Any, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while await left():
            await asyncio.sleep(0.1)


async def leader(cluster: NatsCluster, place: Place) -> str:
    """Which node leads the stream, asked until one does."""
    client = await nats.connect(cluster.servers, max_reconnect_attempts=-1)
    try:
        async with asyncio.timeout(AGAIN_S):
            while True:
                try:
                    found = (await client.jetstream().stream_info(place.stream)).cluster
                    if found is not None and found.leader:
                        return found.leader
                except (nats.errors.Error, TimeoutError):
                    pass
                await asyncio.sleep(0.1)
    finally:
        await client.close()


async def told(cluster: NatsCluster, place: Place) -> list[str]:
    """The ids of all messages of the stream, in its order; asked again while the nodes agree on who leads."""
    client = await nats.connect(cluster.servers, max_reconnect_attempts=-1)
    try:
        async with asyncio.timeout(AGAIN_S):
            while True:
                with suppress(nats.errors.Error, TimeoutError):
                    return await _read(client.jetstream(), place)
                await asyncio.sleep(0.1)
    finally:
        await client.close()


async def _read(stream: Any, place: Place) -> list[str]:
    count = (await stream.stream_info(place.stream)).state.messages
    reader = await stream.subscribe(
        f"{place.subject}.>", ordered_consumer=True, config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    )
    return [(await reader.next_msg(timeout=10)).headers[MESSAGE_ID] for _ in range(count)]


def place_on(cluster: NatsCluster) -> Place:
    number = next(_names)
    return Place(cluster.servers, f"COUNTRY{number}", f"country{number}")


async def kill_under_load(cluster: NatsCluster, load: Load, place: Place, times: int) -> list[float]:
    """kill -9 of the leader and of the others by turns; seconds until the feed has gone on after each."""
    seconds: list[float] = []
    for turn in range(times):
        await load.grown(BETWEEN)
        first = await leader(cluster, place)
        victim = first if turn % 2 == 0 else next(name for name in cluster.ports if name != first)
        cluster.kill(victim)
        began = time.monotonic()
        await load.grown(_COMPLEXES)  # what is sent by those that are left
        await until_position(load, await load.log.head(shard_of("garden-0")))
        seconds.append(round(time.monotonic() - began, 1))
        cluster.start(victim)
        await whole(cluster, place)
    return seconds


async def until_position(load: Load, end: int) -> None:
    async def behind() -> bool:
        return await load.feed.position(shard_of("garden-0")) < end

    await until(behind, AGAIN_S)


async def whole(cluster: NatsCluster, place: Place) -> None:
    """Until all replicas follow: a second node may be killed then, and two are left."""
    client = await nats.connect(cluster.servers, max_reconnect_attempts=-1)
    try:
        async with asyncio.timeout(AGAIN_S):
            while True:
                try:
                    found = (await client.jetstream().stream_info(place.stream)).cluster
                    if found and found.leader and all(one.current for one in found.replicas or []):
                        return
                except (nats.errors.Error, TimeoutError):
                    pass
                await asyncio.sleep(0.1)
    finally:
        await client.close()


async def test_nodes_are_killed_under_load(cluster: NatsCluster, tmp_path: Path, story: Story) -> None:
    place = place_on(cluster)
    async with loaded(tmp_path, place) as load:
        seconds = await kill_under_load(cluster, load, place, choose(3, 20))
        await load.drained()
        appended = list(load.appended)
        found = Counter(await told(cluster, place))
    lost, twice = set(appended) - found.keys(), [name for name, count in found.items() if count > 1]
    story.tell(kills=len(seconds), goes_on_s=seconds, batches=len(appended), lost=len(lost), twice=len(twice))
    assert (lost, twice) == (set(), [])


class Hasty(JetStreamSink):
    """Does not wait for the acknowledgement: its cursor moves when everything is on its way."""

    async def publish(self, records: Sequence[Record]) -> None:
        stream = await self._stream()
        for record in records:
            asyncio.create_task(self._sent(stream, record))  # noqa: RUF006 - on purpose: nobody waits for it

    async def _sent(self, stream: Any, record: Record) -> None:
        try:
            await self._publish(stream, record)
        except (nats.errors.Error, TimeoutError):
            return


async def test_a_cursor_that_moves_before_the_acknowledgement_loses(
    cluster: NatsCluster, tmp_path: Path, story: Story
) -> None:
    place = place_on(cluster)
    async with loaded(tmp_path, place, Hasty) as load:
        await kill_under_load(cluster, load, place, 1)
        await load.drained()
        appended = list(load.appended)
        await asyncio.sleep(5.5)  # longer than any answer is waited for
        found = set(await told(cluster, place))
    lost = set(appended) - found
    story.tell(batches=len(appended), lost=len(lost))
    assert lost, "the rig sees what is lost"


async def test_a_stream_that_is_less_safe_gets_nothing(cluster: NatsCluster) -> None:
    place = place_on(cluster)
    client = await nats.connect(cluster.servers)
    async with asyncio.timeout(AGAIN_S):  # a cluster that has no leader yet answers nothing
        while not await _is_added(client, place):
            await asyncio.sleep(0.2)
    await client.close()
    async with JetStreamSink(place, "east") as sink:
        with pytest.raises(SinkBroken, match="has 1 replicas, not 3"):
            await sink.publish([])


async def _is_added(client: Any, place: Any) -> bool:
    with suppress(nats.errors.TimeoutError):
        await client.jetstream(timeout=2.0).add_stream(
            name=place.stream, subjects=[f"{place.subject}.>"], num_replicas=1
        )
        return True
    return False
