"""What goes first when there is no room, what never goes, and that all of it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge import config
from edge.devices.driver import picture
from edge.store import media as media_module
from edge.store.capacity import Capacity
from edge.store.media import Kept, MediaStore
from edge.store.reserve import Reserve
from eventlog.log import Entry
from eventlog.sqlite import OwnTables, SqliteEventLog

BODY = 1_000


class Box:
    """A gateway's folder with pictures and records of every class."""

    def __init__(self, folder: Path, store: SqliteEventLog) -> None:
        self.folder, self.store = folder, store
        self.media = MediaStore(folder / "media", store)

    async def fill(self, count: int) -> None:
        for stream in ("routine", "urgent", "money"):
            pictures = [picture("scene", f"{stream}{n}".encode().ljust(BODY, b"."))[1] for n in range(count)]
            await self.media.keep(pictures)
            listed = self.media.statements([Kept(one, stream) for one in pictures])
            await self.store.append([Entry(stream, b"x" * BODY) for _ in range(count)], listed)

    def capacity(self, **bounds: int) -> Capacity:
        return Capacity(self.folder, config.Capacity(**{"free_bytes": 0, **bounds}), self.store, self.media)

    async def classes(self) -> list[tuple[str, int]]:
        rows = await self.store.query("SELECT class, count(*) FROM media GROUP BY class ORDER BY class")
        return [(row[0], row[1]) for row in rows]

    async def held(self, stream: str) -> list[int]:
        return [record.position for record in await self.store.read(stream, 0, 10_000)]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    store = await SqliteEventLog.open(tmp_path / "log.db", "e1", OwnTables(media_module.SCHEMA))
    yield Box(tmp_path, store)
    await store.close()


async def test_within_its_bounds_nothing_goes(box: Box) -> None:
    await box.fill(20)
    assert await box.capacity().keep() == []


async def test_pictures_the_centre_has_go_first_then_routine_ones_and_no_other(box: Box) -> None:
    await box.fill(100)
    names = [name for name, _ in await box.media.oldest(3, sent=False)]
    await box.media.mark_sent(names)
    gone = await box.capacity(picture_bytes=230 * BODY).keep()
    assert [(entry.what, entry.count) for entry in gone] == [("sent_pictures", 3), ("routine_pictures", 70)]
    assert await box.classes() == [("money", 100), ("routine", 27), ("urgent", 100)]
    assert not any(box.media.path(name).exists() for name in names)


async def test_urgent_and_money_are_kept_however_small_the_bound(box: Box) -> None:
    await box.fill(100)
    gone = await box.capacity(picture_bytes=1, log_bytes=1).keep()
    assert {entry.what for entry in gone} == {"routine_pictures", "routine"}
    assert await box.classes() == [("money", 100), ("urgent", 100)]
    assert [len(await box.held(stream)) for stream in ("urgent", "money", "routine")] == [100, 100, 0]
    told = gone[-1]
    assert (told.count, told.first, told.last) == (100, 1, 100)


async def test_what_the_centre_has_goes_before_what_it_lacks(box: Box) -> None:
    await box.fill(1_500)
    capacity = box.capacity(log_bytes=4_600_000)
    capacity.acknowledged = {"urgent": 1_500, "routine": 700}
    gone = await capacity.keep()
    assert [entry.what for entry in gone] == ["acknowledged"]
    assert min(await box.held("routine")) == 701
    assert await box.store.holes("routine", 1, 700), "and it is known why they are gone"


async def test_a_nearly_full_disk_frees_what_is_elsewhere_before_what_is_not(box: Box) -> None:
    await box.fill(60)
    capacity = box.capacity(free_bytes=1_000)
    capacity.acknowledged = {"urgent": 10}
    for free, expected in [(999, {"acknowledged"}), (400, {"routine_pictures"}), (200, {"routine"})]:
        capacity.free_bytes = lambda free=free: free  # type: ignore[method-assign]
        assert {entry.what for entry in await capacity.keep()} == expected


def test_the_reserve_is_real_room_and_never_the_last(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 1_000_000)
    assert reserve.hold() and reserve.hold() and reserve.is_held
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1_000_000
    assert reserve.release() and not reserve.is_held and not reserve.release()
    assert not Reserve(tmp_path, 1 << 60).hold(), "there is no such room"
    assert not (tmp_path / "reserve").exists()
