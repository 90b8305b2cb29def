"""Readers that follow a partition side by side: one look for all who ask at once, and never an older one."""

from __future__ import annotations

import asyncio

import pytest

from eventlog.log import Record
from eventlog.looks import Looks


class _Kept:
    """A partition's records, each look counted; a look takes until it is let on."""

    def __init__(self) -> None:
        self.records, self.looks, self.go_on = list[Record](), 0, asyncio.Event()
        self.go_on.set()

    def append(self, count: int) -> None:
        self.records += [Record(len(self.records) + number, b"x") for number in range(1, count + 1)]

    async def read(self, _partition: str, after: int, limit: int) -> list[Record]:
        self.looks += 1
        found = self.records[after : after + limit]
        await self.go_on.wait()
        return found


async def test_two_dozen_at_one_place_share_a_look_and_each_has_its_own_measure() -> None:
    kept = _Kept()
    kept.append(9)
    looks = Looks(kept.read)
    found = await asyncio.gather(*(looks.read("3", 2, limit) for limit in range(1, 25)))
    assert [len(records) for records in found] == [min(limit, 7) for limit in range(1, 25)]
    assert {records[0].position for records in found} == {3}
    assert kept.looks == 1


async def test_who_stands_elsewhere_looks_alone() -> None:
    kept = _Kept()
    kept.append(5)
    looks = Looks(kept.read)
    found = await asyncio.gather(*(looks.read(partition, after, 9) for partition in "12" for after in (0, 4)))
    assert [[record.position for record in records] for records in found] == [[1, 2, 3, 4, 5], [5]] * 2
    assert kept.looks == 4


class _Joining(Looks):
    """Gives whoever asks the look that is under way: what must not be."""

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        if not hasattr(self, "_under_way"):
            self._under_way = asyncio.create_task(self._read(partition, after, limit))
        return await self._under_way


@pytest.mark.parametrize(("make", "seen"), [(Looks, 1), (_Joining, 0)])
async def test_a_look_begins_after_whoever_it_is_for_has_asked(make: type[Looks], seen: int) -> None:
    """Rung while others look: what was appended before the ring is seen. The positive control joins, and misses it."""
    kept = _Kept()
    kept.go_on.clear()
    looks = make(kept.read)
    first = asyncio.create_task(looks.read("0", 0, 9))
    while not kept.looks:
        await asyncio.sleep(0)
    kept.append(1)
    second = asyncio.create_task(looks.read("0", 0, 9))
    await asyncio.sleep(0)
    kept.go_on.set()
    assert await first == []
    assert len(await second) == seen


async def test_a_failure_is_of_all_who_asked_and_of_nobody_after() -> None:
    kept, fails = _Kept(), [True]

    async def read(partition: str, after: int, limit: int) -> list[Record]:
        if fails:
            raise OSError("the database is away")
        return await kept.read(partition, after, limit)

    looks = Looks(read)
    assert {
        type(one) for one in await asyncio.gather(*(looks.read("0", 0, 9) for _ in range(3)), return_exceptions=True)
    } == {OSError}
    fails.clear()
    assert await looks.read("0", 0, 9) == []
    assert not looks._at, "nothing is kept of who asked"
