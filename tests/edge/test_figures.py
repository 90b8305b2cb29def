"""What the box says of itself: the age of what waits, and how fast counts rise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.events import Event, encode_event
from edge.commands.ages import size, span
from edge.intake.last_seen import LastSeen
from edge.status.figures import Figures, oldest_unsent
from edge.status.rates import Rates
from edge.status.status import StreamStatus
from eventlog.log import Entry
from eventlog.memory import MemoryEventLog

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def filled(count: int) -> MemoryEventLog:
    log = MemoryEventLog("e1")
    for minute in range(count):
        event = Event(kind="input", device="t:1", recorded_at=NOW + timedelta(minutes=minute))
        await log.append([Entry("routine", encode_event(event))])
    return log


async def test_the_oldest_unsent_is_the_first_behind_the_watermark() -> None:
    log = await filled(5)
    streams = {"urgent": StreamStatus("e1", 0, 0), "routine": StreamStatus("e1", 5, 2)}
    assert await oldest_unsent(log, streams) == {"routine": NOW + timedelta(minutes=2)}
    assert await oldest_unsent(log, {"routine": StreamStatus("e1", 5, 5)}) == {}


async def test_a_record_that_is_no_event_has_no_age_and_breaks_nothing() -> None:
    log = MemoryEventLog("e1")
    await log.append([Entry("routine", b"\x00 damaged")])
    assert await oldest_unsent(log, {"routine": StreamStatus("e1", 1, 0)}) == {}


async def test_a_folder_that_cannot_be_asked_is_no_reason_to_say_nothing(tmp_path: Path) -> None:
    figures = Figures(tmp_path / "gone", LastSeen(), list)
    described = await figures.describe(await filled(1), {"routine": StreamStatus("e1", 1, 0)}, {"messages": 3})
    assert described["disk"] is None
    assert described["oldest_unsent_at"] == {"routine": NOW}


def test_rates_are_of_the_last_minute() -> None:
    rates = Rates()
    assert rates.note(0.0, {"messages": 100}) == {"messages": 0.0}
    assert rates.note(10.0, {"messages": 150}) == {"messages": 5.0}
    assert rates.note(70.0, {"messages": 150}) == {"messages": 0.0}


def test_ages_and_sizes_read_at_a_glance() -> None:
    assert [span(timedelta(seconds=s)) for s in (0, 90, 5_400, 200_000, -7_200)] == [
        "0 s",
        "1.5 min",
        "1.5 h",
        "2.3 d",
        "-2.0 h",
    ]
    assert [size(n) for n in (0, 999, 1_000, 156_568, 83_700_000_000, 2e16)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "156.6 kB",
        "83.7 GB",
        "20000.0 TB",
    ]
