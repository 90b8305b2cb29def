"""What every log promises, shown on every log: order, no gaps for a follower, nothing twice, trim, cursors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eventlog.follow import Pace, follow
from eventlog.log import Record
from tests.eventlog.logs import LOGS, Face

WRITERS, EACH = 4, 60
FAST = Pace(limit=7, poll_s=0.05, retry_s=lambda _: 0.01)


class Collector:
    """A reader that remembers; its cursor moves with its effect. It can be told to fail now and then."""

    name = "collector"

    def __init__(self, fail_every: int = 0) -> None:
        self.seen: list[Record] = []
        self.cursor = 0
        self.calls = 0
        self.fail_every = fail_every

    async def position(self, partition: str) -> int:
        return self.cursor

    async def take(self, partition: str, records: list[Record]) -> int:
        self.calls += 1
        if self.fail_every and self.calls % self.fail_every == 0:
            raise RuntimeError("a planned failure")
        self.seen += records
        self.cursor = records[-1].position
        return self.cursor


async def until(condition, timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def append_all(face: Face, writer: int) -> None:
    for number in range(1, EACH + 1):
        await face.append_one(writer, number)  # type: ignore[attr-defined]
        await asyncio.sleep(0)


def no_report(reader: str, partition: str, error: Exception) -> None:
    assert str(error) == "a planned failure"


@pytest.mark.parametrize("fail_every", [0, 3])
@pytest.mark.parametrize("name", LOGS)
async def test_a_follower_misses_nothing_and_sees_nothing_twice(name: str, fail_every: int, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        collector = Collector(fail_every)
        following = asyncio.create_task(follow(face.log, face.partition, collector, no_report, FAST))
        await asyncio.gather(*(append_all(face, writer) for writer in range(WRITERS)))
        await until(lambda: len(collector.seen) >= WRITERS * EACH)
        following.cancel()
        found = [face.read_back(record.body) for record in collector.seen]  # type: ignore[attr-defined]
        assert len(found) == len(set(found)) == WRITERS * EACH
        for writer in range(WRITERS):
            assert [n for w, n in found if w == writer] == list(range(1, EACH + 1)), "order of a source is kept"
        positions = [record.position for record in collector.seen]
        assert positions == sorted(set(positions))


class Skipping(Collector):
    """The broken variant: its cursor runs ahead of its effect, as when it is saved apart from it."""

    async def take(self, partition: str, records: list[Record]) -> int:
        self.cursor = records[-1].position
        return await super().take(partition, records)


@pytest.mark.parametrize("name", LOGS)
async def test_the_contract_catches_a_cursor_apart_from_its_effect(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        collector = Skipping(fail_every=3)
        for number in range(1, EACH + 1):
            await face.append_one(0, number)  # type: ignore[attr-defined]
        following = asyncio.create_task(follow(face.log, face.partition, collector, no_report, FAST))
        head = await face.log.head(face.partition)
        await until(lambda: collector.cursor == head or len(collector.seen) >= EACH)
        await asyncio.sleep(0.1)
        following.cancel()
        assert len(collector.seen) < EACH, "a cursor that runs ahead must lose records in this test"


@pytest.mark.parametrize("name", LOGS)
async def test_trim_forgets_the_old_and_positions_go_on(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        for number in range(1, 11):
            await face.append_one(0, number)  # type: ignore[attr-defined]
        records = await face.log.read(face.partition, 0, 100)
        assert await face.log.trim(face.partition, records[5].position) == 6
        left = await face.log.read(face.partition, 0, 100)
        assert [record.position for record in left] == [record.position for record in records[6:]]
        await face.append_one(0, 11)  # type: ignore[attr-defined]
        assert await face.log.head(face.partition) > records[-1].position


@pytest.mark.parametrize("name", LOGS)
async def test_read_is_bounded_and_begins_behind_the_cursor(name: str, tmp_path: Path) -> None:
    async with LOGS[name](tmp_path) as face:
        for number in range(1, 6):
            await face.append_one(0, number)  # type: ignore[attr-defined]
        first = await face.log.read(face.partition, 0, 2)
        rest = await face.log.read(face.partition, first[-1].position, 100)
        found = [face.read_back(record.body)[1] for record in first + rest]  # type: ignore[attr-defined]
        assert len(first) == 2
        assert found == [1, 2, 3, 4, 5]


async def test_nobody_sits_out_a_pause_whose_cause_is_gone(tmp_path: Path) -> None:
    async with LOGS["memory events"](tmp_path) as face:
        hurry = asyncio.Event()
        collector = Collector(fail_every=2)
        await face.append_one(0, 1)  # type: ignore[attr-defined]
        pace = Pace(poll_s=0.01, retry_s=lambda _: 3600.0, hurry=hurry)
        following = asyncio.create_task(follow(face.log, face.partition, collector, no_report, pace))
        await until(lambda: len(collector.seen) == 1)
        await face.append_one(0, 2)  # type: ignore[attr-defined]
        await until(lambda: collector.calls == 2)
        await asyncio.sleep(0.05)
        hurry.set()
        hurry.clear()
        await until(lambda: len(collector.seen) == 2)
        following.cancel()
