"""What is recorded before anybody vouched for the gateway's clock says so, and what is said of the clock itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import Event
from domain.ids import fact_id
from edge.clock import RELEASED_AT
from edge.config import Config, Device
from edge.devices.driver import Driver, Message, Reading, Registry, Site, judge_time
from edge.earlier_run import look_back
from edge.intake import parked_again
from edge.intake.device_list import DeviceList
from edge.intake.intake import Intake
from edge.intake.parked import listed
from edge.status import status
from edge.status.status import Notices
from edge.store.file import open_store
from edge.store.media import MediaStore
from eventlog.group_commit import Bounds
from eventlog.sqlite import SqliteEventLog
from tests.edge.hands import TRUE, Hands

DAY_S = 86_400.0


def decode(message: Message, site: Site) -> Reading:
    """``number what``: what is "no" for a device without a clock, "old" for a stored record, else seconds off."""
    number, _, what = message.payload.decode().partition(" ")
    sent = None if what == "no" else TRUE + timedelta(seconds=0.0 if what == "old" else float(what))
    judged = judge_time(sent, message.received_at, site, replay=what == "old")
    fields = {"time": judged.time, "time_quality": judged.time_quality, "device_time": judged.device_time}
    return Reading([Event(kind="input", device="t:1", source_event_id=number, **fields)])  # type: ignore[arg-type]


REGISTRY = Registry([Driver("t", ("test",), decode)])


class Bench:
    """An intake on a clock that the test moves."""

    def __init__(self, store: SqliteEventLog, folder: Path, hands: Hands, listed: list[Device]) -> None:
        self.store, self.hands, self.clock = store, hands, hands.clock()
        devices = DeviceList(listed, accept_unknown=False)
        self.intake = Intake(
            store, MediaStore(folder / "media", store), REGISTRY, devices, Site(), self.clock, Bounds(wait_s=0.0)
        )

    async def take(self, text: str) -> Event | None:
        """The event that a message became, as it stands in the log; None where it was parked."""
        done = asyncio.Event()
        self.intake.offer(Message("test", text.encode()), done.set)
        running = asyncio.create_task(self.intake.run())
        async with asyncio.timeout(10):
            await done.wait()
        running.cancel()
        head = await self.store.head("routine")
        records = await self.store.read("routine", head - 1, 1)
        return msgspec.json.decode(records[0].body, type=Event) if records else None


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    opened = await open_store(tmp_path, lambda: TRUE)
    yield opened
    await opened.close()


def bench(store: SqliteEventLog, folder: Path, off_s: float = 0.0, devices: list[Device] | None = None) -> Bench:
    hands = Hands(off_s)
    hands.passed_s = 0.0
    return Bench(store, folder, hands, [Device("t:1")] if devices is None else devices)


@pytest.mark.parametrize(
    ("what", "before", "after"),
    [("no", "unsynced", "gateway"), ("0", "unsynced", "ok"), ("old", "replay", "replay")],
)
async def test_before_the_first_sync_the_quality_says_so(
    tmp_path: Path, store: SqliteEventLog, what: str, before: str, after: str
) -> None:
    here = bench(store, tmp_path)
    unsure = await here.take(f"1 {what}")
    here.hands.hello(here.clock)
    sure = await here.take(f"2 {what}")
    assert unsure and sure
    assert (unsure.time_quality, sure.time_quality) == (before, after)


async def test_a_clock_that_is_wrong_beyond_doubt_judges_nobody(tmp_path: Path, store: SqliteEventLog) -> None:
    """A box without a battery, in 1970: a device that knows the time is believed."""
    here = bench(store, tmp_path, off_s=-20_000 * DAY_S)
    told, untold = await here.take("1 0"), await here.take("2 no")
    assert told and untold
    assert (told.time, told.time_quality, told.device_time) == (TRUE, "ok", None)
    assert (untold.time, untold.time_quality) == (None, "unsynced")


async def test_a_known_skew_no_longer_condemns_good_devices(tmp_path: Path, store: SqliteEventLog) -> None:
    here = bench(store, tmp_path, off_s=DAY_S)
    condemned = await here.take("1 0")
    here.hands.hello(here.clock)
    believed = await here.take("2 0")
    assert condemned and believed
    assert (condemned.time, condemned.time_quality) == (None, "unsynced")
    assert (believed.time, believed.time_quality) == (TRUE, "ok")
    assert abs((believed.recorded_at or TRUE) - here.hands.true) < timedelta(seconds=1)


async def test_the_id_does_not_depend_on_it(tmp_path: Path, store: SqliteEventLog) -> None:
    here = bench(store, tmp_path)
    event = await here.take("1 0")
    assert event and event.time_quality == "unsynced"
    assert fact_id(event) == fact_id(msgspec.structs.replace(event, time_quality="ok"))
    here.hands.hello(here.clock)
    await here.take("1 0")
    assert here.intake.counts["repeats"] == 1, "told again after the sync, it is the same fact"


async def test_a_parked_message_keeps_what_its_receipt_was_worth(
    tmp_path: Path, store: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bench(store, tmp_path, devices=[])
    assert await here.take("1 no") is None
    assert [row.gateway_clock for row in await listed(store, 10)] == ["unsynced"]
    monkeypatch.setattr(parked_again, "discover", lambda: REGISTRY)
    await parked_again.retry(Config(data=str(tmp_path), devices=[Device("t:1")]))
    (record,) = await store.read("routine", 0, 10)
    assert msgspec.json.decode(record.body, type=Event).time_quality == "unsynced"


async def test_a_store_of_an_older_program_gets_the_column(tmp_path: Path, store: SqliteEventLog) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as older:
        older.executescript("ALTER TABLE parked DROP COLUMN gateway_clock; PRAGMA user_version = 0")
    again = await open_store(tmp_path, lambda: TRUE)
    assert "gateway_clock" in {row[1] for row in await again.query("PRAGMA table_info(parked)")}
    await again.close()


async def test_the_agents_own_events_say_so_too() -> None:
    hands = Hands()
    clock = hands.clock()
    notices = Notices(clock)
    assert notices.started("1").time_quality == "unsynced"
    hands.hello(clock)
    assert notices.started("1").time_quality == "ok"


def test_an_alarm_once_while_the_clock_is_a_minute_off() -> None:
    hands = Hands(off_s=-50.0)
    clock = hands.clock()
    notices = Notices(clock)
    said: list[tuple[str | None, str | None]] = []
    for off_s in (-50, -70, -80, -55, -35, -25, -61, 0):
        hands.off_s = float(off_s)
        for _ in range(9):  # until no older sample is left
            hands.hello(clock)
            said += [(event.alarm, event.state) for event in notices.clock(clock.offset) if event.kind == "alarm"]
    assert said == [("clock_skew", "active"), ("clock_skew", "cleared")] * 2


def test_a_distance_above_two_seconds_is_an_event_and_a_step_is_one() -> None:
    hands = Hands(off_s=-2.5)
    clock = hands.clock()
    hands.hello(clock)
    notices = Notices(clock)
    (event,) = notices.clock(clock.offset)
    assert (event.kind, event.point, event.metrics) == ("measurement", "clock", {"clock_offset_ms": 2_500.0})
    assert notices.clock(clock.offset) == []
    hands.off_s += DAY_S
    clock.tick()
    (step,) = notices.steps(clock.take_steps())
    assert (step.point, step.metrics) == ("clock", {"clock_step_ms": 86_400_000.0})


async def test_what_an_earlier_run_left(tmp_path: Path, store: SqliteEventLog) -> None:
    assert (await look_back(tmp_path, store)).listened_until is None, "a first run"
    here = bench(store, tmp_path)
    await here.take("1 no")
    assert (await look_back(tmp_path, store)).newest_at == RELEASED_AT, "nobody vouched for that time"
    here.hands.hello(here.clock)
    await here.take("2 no")
    left = await look_back(tmp_path, store)
    assert abs(left.newest_at - here.hands.true) < timedelta(seconds=1)
    assert left.listened_until == RELEASED_AT, "the status is lost: what a broker queued may be of any age"
    heard = datetime(2026, 2, 1, tzinfo=UTC)
    status.write_file(tmp_path, {"broker_connected_at": heard, "clock": {"skewed": True}})
    left = await look_back(tmp_path, store)
    assert (left.listened_until, left.skewed) == (heard, True)
    status.write_file(tmp_path, {"broker_connected_at": "yesterday", "clock": 7})
    assert (await look_back(tmp_path, store)).skewed is False, "damaged: no more than a convenience"
