"""Readers give way to a backlog together, to a load that lasts each by itself, and to nobody when there is none."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush

import pytest

from server import shard_reader
from server.shard_reader import Rest

READERS, WORK_S = 10, 0.1


class Hours:
    """Time that passes when all sleep."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heappush(self._sleepers, (self.now_s + seconds, id(woken), woken))
        await woken.wait()

    async def pass_until(self, until_s: float) -> None:
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            self.now_s, _, woken = heappop(self._sleepers)
            woken.set()
            await settle()


async def settle() -> None:
    for _ in range(READERS * 3):
        await asyncio_sleep(0)


asyncio_sleep = asyncio.sleep


async def worked_s(monkeypatch: pytest.MonkeyPatch, since_s: float, until_s: float, busy_until_s: float = 1e9) -> float:
    """How long ten readers with no end of work worked, of a stretch of time."""
    hours, worked = Hours(), list[tuple[float, float]]()
    rest = Rest(lambda: hours.now_s < busy_until_s, clock_s=lambda: hours.now_s)
    monkeypatch.setattr(shard_reader.asyncio, "sleep", hours.sleep)

    async def read() -> None:
        while True:
            await rest.before()
            worked.append((hours.now_s, WORK_S))
            await hours.sleep(WORK_S)
            await rest.after(WORK_S)

    readers = [asyncio.create_task(read()) for _ in range(READERS)]
    await hours.pass_until(until_s)
    for reader in readers:
        reader.cancel()
    return sum(work_s for at_s, work_s in worked if since_s <= at_s)


async def test_all_together_work_a_tenth_of_the_time_while_a_backlog_pours_in(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = await worked_s(monkeypatch, 0.0, 20.0)
    assert 1.5 < worked < 2.5


async def test_control_each_by_itself_would_work_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_reader, "_BACKLOG_S", 0.0)
    assert await worked_s(monkeypatch, 5.0, 25.0) > 15.0


async def test_a_load_that_lasts_is_kept_up_with(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await worked_s(monkeypatch, 35.0, 55.0) > 15.0


async def test_they_go_on_as_soon_as_nothing_pours_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await worked_s(monkeypatch, 10.3, 12.3, busy_until_s=10.0) > 0.8 * READERS * 2


@pytest.mark.parametrize(("is_lively", "times"), [(True, 2), (False, 20)], ids=["lively", "the control: calm"])
async def test_while_a_good_deal_comes_each_takes_at_once_what_came_in_a_second(
    monkeypatch: pytest.MonkeyPatch, is_lively: bool, times: int
) -> None:
    hours, took = Hours(), list[float]()
    rest = Rest(lambda: False, lively=lambda: is_lively, clock_s=lambda: hours.now_s)
    monkeypatch.setattr(shard_reader.asyncio, "sleep", hours.sleep)

    async def read() -> None:
        while True:
            await rest.before()
            took.append(hours.now_s)
            await hours.sleep(WORK_S)
            await rest.after(WORK_S)

    reader = asyncio.create_task(read())
    await hours.pass_until(1.95)
    reader.cancel()
    assert len(took) == times
