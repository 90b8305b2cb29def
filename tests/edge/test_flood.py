"""Who floods is limited by its own bucket, that is said once a minute, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import Event
from edge.config import Config
from edge.devices.driver import BadMessage, Driver, Message, Reading, Registry, Site, picture
from edge.intake.device_list import DeviceList
from edge.intake.flood import FloodLimit
from edge.intake.intake import Intake
from edge.intake.parked import FLOOD, listed
from edge.status.status import Notices
from edge.store.file import open_store
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog
from tests.edge.hands import TRUE, Hands

ROUTINE = "routine"


def drain(limit: FloodLimit, source: str, now_s: float, stream: str = ROUTINE, tries: int = 1_000) -> int:
    """How many of so many are within the bucket."""
    return sum(limit.allows(source, stream, now_s) for _ in range(tries))


def test_a_burst_then_the_rate() -> None:
    limit = FloodLimit(rate_per_s=50, burst=300)
    assert drain(limit, "a", 0.0) == 300
    assert drain(limit, "a", 1.0) == 50
    assert drain(limit, "a", 1_000.0) == 300, "never more than the burst"


def test_every_device_and_every_stream_has_its_own() -> None:
    limit = FloodLimit(rate_per_s=50, burst=300)
    assert drain(limit, "a", 0.0) == 300
    assert drain(limit, "b", 0.0) == 300
    assert drain(limit, "a", 0.0, "urgent") == 300


def test_a_rate_of_0_limits_nobody() -> None:
    assert drain(FloodLimit(0, 1), "a", 0.0) == 1_000


def test_the_defaults_let_a_real_device_play_back_hours() -> None:
    limits = Config().limits
    limit = FloodLimit(limits.device_rate_per_s, limits.device_burst)
    assert drain(limit, "a", 0.0, tries=2_500) == 2_500, "a complex's events of a whole day"


def test_buckets_are_bounded_and_the_longest_unused_goes_first() -> None:
    limit = FloodLimit(1, 5, max_buckets=3)
    for source in ("a", "b", "c"):
        drain(limit, source, 0.0)
    drain(limit, "a", 0.0)
    drain(limit, "d", 0.0)
    assert drain(limit, "a", 0.0) == 0, "kept, for it was used"
    assert drain(limit, "b", 0.0) == 5, "forgotten: a full one"
    assert len(limit._buckets) == 3


def test_it_is_said_once_a_minute_and_once_more_when_it_ends() -> None:
    limit = FloodLimit(1, 1)
    said = []
    for second in range(150):
        if second < 100:
            limit.dropped("a", float(second))
        said += [(second, flood.dropped, flood.ended) for flood in limit.due(float(second))]
    assert said == [(60, 61, False), (109, 39, True)]


def test_only_the_first_of_a_flood_is_worth_a_sample() -> None:
    limit = FloodLimit(1, 1)
    assert [limit.dropped("a", 0.0), limit.dropped("a", 1.0), limit.dropped("b", 1.0)] == [True, False, True]
    limit.due(30.0)
    assert limit.dropped("a", 31.0), "the next flood"


def test_floods_are_bounded_too() -> None:
    limit = FloodLimit(1, 1)
    for number in range(5_000):
        limit.dropped(f"device {number}" + "x" * 100_000, 0.0)
    said = limit.due(60.0)
    assert len(said) == 1_001
    assert sum(flood.dropped for flood in said) == 5_000
    assert max(len(flood.source) for flood in said) <= 200


def decode(message: Message, site: Site) -> Reading:
    """``device word``."""
    device, _, word = message.payload.decode().partition(" ")
    match word.partition(":")[0]:
        case "reading":
            entry, body = picture("scene", message.payload)
            seen = Event(kind="detection", device=device, source_event_id=word, time=TRUE, media=[entry])
            return Reading([seen], [body])
        case "alarm":
            return Reading([Event(kind="alarm", device=device, source_event_id=word, time=TRUE)])
        case "old":
            fields = {"source_event_id": word, "time": TRUE, "time_quality": "replay"}
            return Reading([Event(kind="detection", device=device, **fields)])  # type: ignore[arg-type]
        case "state":
            return Reading([Event(kind="door", device=device, state=word)])
        case _:
            raise BadMessage("no such word")


class Bench:
    """An intake with buckets of ten, on a clock that the test moves."""

    def __init__(self, store: SqliteEventLog, folder: Path) -> None:
        registry, devices = Registry([Driver("t", ("test",), decode)]), DeviceList([], accept_unknown=True)
        self.hands = Hands(kernel=True)
        self.clock = self.hands.clock()
        self.flood = FloodLimit(1.0, 10)
        self.store, self.media = store, MediaStore(folder / "media", store)
        self.intake = Intake(
            store, self.media, registry, devices, Site(), self.clock, Bounds(wait_s=0.0), flood=self.flood
        )
        self.acknowledged = 0

    def _acknowledge(self) -> None:
        self.acknowledged += 1

    async def take(self, *texts: str, queued: bool = False) -> None:
        """Offer and wait until all is acknowledged."""
        wanted, since = self.acknowledged + len(texts), TRUE - timedelta(days=1) if queued else None
        for text in texts:
            message = Message("test", text.encode(), "t/1", received_at=TRUE, queued_since=since)
            self.intake.offer(message, self._acknowledge)
        running = asyncio.create_task(self.intake.run())
        async with asyncio.timeout(20):
            while self.acknowledged < wanted:
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait([running])

    async def events(self) -> list[Event]:
        found = [record for stream in self.store.partitions for record in await self.store.read(stream, 0, 1000)]
        return [msgspec.json.decode(record.body, type=Event) for record in found]

    async def count(self, device: str) -> int:
        return [event.device for event in await self.events()].count(device)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path, lambda: TRUE)
    yield Bench(store, tmp_path)
    await store.close()


def readings(device: str, count: int, word: str = "reading") -> list[str]:
    return [f"{device} {word}:{number}" for number in range(count)]


async def test_the_flood_is_dropped_counted_sampled_and_acknowledged_and_others_are_whole(here: Bench) -> None:
    await here.take(*readings("t:mad", 50), *readings("t:well", 9), "t:mad alarm:1")
    assert here.acknowledged == 60
    assert (await here.count("t:mad"), await here.count("t:well")) == (11, 9), "ten, and the alarm"
    assert here.intake.counts["flood"] == 40
    (row,) = await listed(here.store, 10)
    assert (row.reason, row.payload) == (FLOOD, b"t:mad reading:10")


async def test_pictures_of_what_was_dropped_are_not_stored(here: Bench) -> None:
    await here.take(*readings("t:mad", 50))
    assert len(await here.media.unsent(100)) == 10


async def test_what_a_broker_queued_and_what_a_device_plays_back_are_no_flood(here: Bench) -> None:
    await here.take(*readings("t:1", 50), queued=True)
    await here.take(*readings("t:2", 50, "old"))
    assert (await here.count("t:1"), await here.count("t:2")) == (50, 50)
    assert here.intake.counts["flood"] == 0


async def test_positive_control_the_same_without_those_marks_is_one(here: Bench) -> None:
    await here.take(*readings("t:1", 50))
    assert await here.count("t:1") == 10


async def test_a_state_that_was_dropped_is_new_when_it_is_said_again(here: Bench) -> None:
    await here.take(*readings("t:1", 10), "t:1 state:open")
    assert await here.count("t:1") == 10
    here.hands.passed_s += 5
    await here.take("t:1 state:open")
    assert await here.count("t:1") == 11


async def test_garbage_is_limited_by_its_topic(here: Bench) -> None:
    await here.take(*["t:1 nonsense"] * 50, "t:1 reading:1")
    assert (here.intake.counts["undecodable"], here.intake.counts["flood"]) == (10, 40), "each is counted once"
    assert len(await listed(here.store, 100)) == 10
    assert await here.count("t:1") == 1


async def test_a_parked_message_is_tried_again_whatever_the_bucket_holds(here: Bench) -> None:
    await here.take(*readings("t:1", 50))
    assert await here.intake.admit(Message("test", b"t:1 reading:99", received_at=TRUE))
    assert await here.count("t:1") == 11


async def test_what_is_said_of_a_flood(here: Bench) -> None:
    await here.take(*readings("t:mad", 50))
    here.hands.passed_s += 60
    (event,) = Notices(here.clock).floods(here.flood.due(here.clock.monotonic_s()))
    assert (event.kind, event.device, event.point) == ("measurement", "gateway", "flood/t:mad")
    assert (event.metrics, event.state) == ({"dropped_messages": 40.0, "window_s": 60.0}, "cleared")
    await here.intake.record(event)
    assert await here.count("gateway") == 1
