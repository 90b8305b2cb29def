"""Age is counted by milestones: no step of the clock, and no wrong time in a record, lets anything go early."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.events import Event
from edge.devices.driver import picture
from edge.intake.entries import entry_of
from edge.store.file import open_store
from edge.store.media import Kept, MediaStore
from edge.store.retention import forget_old
from eventlog.sqlite import SqliteEventLog

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEEP = timedelta(days=7)
ZONE = ZoneInfo("Asia/Shanghai")


class Bench:
    """A store and its pictures."""

    def __init__(self, store: SqliteEventLog, folder: Path) -> None:
        self.store, self.media = store, MediaStore(folder / "media", store)
        self.count = 0

    async def add(self, recorded_at: datetime = NOW) -> None:
        """One event and one picture that the centre has."""
        self.count += 1
        event = Event(kind="input", device="t:1", source_event_id=str(self.count), recorded_at=recorded_at)
        _, body = picture("scene", str(self.count).encode())
        await self.media.keep([body])
        await self.store.append([entry_of(event, ZONE)], self.media.statements([Kept(body, "routine")]))
        await self.media.mark_sent([body.sha256])

    async def pass_by(self, now: datetime, acknowledged: int) -> None:
        await forget_old(self.store, self.media, {"routine": acknowledged}, now, KEEP)

    async def kept(self) -> list[int]:
        return [record.position for record in await self.store.read("routine", 0, 100)]

    async def pictures(self) -> int:
        return (await self.store.query("SELECT count(*) FROM media"))[0][0]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path, lambda: NOW)
    yield Bench(store, tmp_path)
    await store.close()


async def test_what_the_centre_has_goes_after_its_days_and_nothing_else(here: Bench) -> None:
    for day in range(10):
        await here.add()
        await here.pass_by(NOW + timedelta(days=day), acknowledged=9)
    assert await here.kept() == [3, 4, 5, 6, 7, 8, 9, 10], "1 and 2 are older than seven days"
    await here.pass_by(NOW + timedelta(days=30), acknowledged=4)
    assert await here.kept() == [5, 6, 7, 8, 9, 10], "old, but not acknowledged"
    assert await here.pictures() == 0


@pytest.mark.parametrize("written", [datetime(1970, 1, 1, tzinfo=UTC), NOW - timedelta(days=400), NOW])
async def test_a_record_of_a_clock_that_was_wrong_stays_its_days_too(here: Bench, written: datetime) -> None:
    """By the time in it, the first of these would go at the next look: that is what age was counted by before."""
    await here.add(written)
    for hours in range(0, 7 * 24, 12):
        await here.pass_by(NOW + timedelta(hours=hours), acknowledged=1)
        assert await here.kept() == [1]
        assert await here.pictures() == 1
    await here.pass_by(NOW + KEEP + timedelta(hours=2), acknowledged=1)
    assert (await here.kept(), await here.pictures()) == ([], 0)


async def test_a_record_from_the_future_is_not_kept_for_ever(here: Bench) -> None:
    await here.add(NOW + timedelta(days=10_000))
    await here.pass_by(NOW, acknowledged=1)
    await here.pass_by(NOW + KEEP + timedelta(hours=2), acknowledged=1)
    assert await here.kept() == []


async def test_milestones_stay_few(here: Bench) -> None:
    for minutes in range(0, 40 * 24 * 60, 20):
        await here.pass_by(NOW + timedelta(minutes=minutes), acknowledged=0)
        if minutes > 30 * 24 * 60:
            break
    (count,) = (await here.store.query("SELECT count(*) FROM milestone"))[0]
    assert count <= 4 * (7 * 24 + 2)


async def test_a_new_epoch_begins_its_days_anew(here: Bench) -> None:
    await here.add()
    await here.pass_by(NOW, acknowledged=1)
    await here.store.begin_epoch("routine", "e2")
    await here.pass_by(NOW + KEEP + timedelta(hours=2), acknowledged=1)
    assert await here.kept() == [1]
