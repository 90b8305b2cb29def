"""Who works on what over several processes: each part by one, all of them by somebody, soon after one is gone."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.leases import Everything, Leases
from simulators.postgres import Postgres
from simulators.processes import Child
from tests.rig import until

NAMES = [str(number) for number in range(16)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres(durable=False) as server:
        yield server


class Process:
    """One holder of leases, and what it works on."""

    def __init__(self, url: str, working: Counter[str]) -> None:
        self._working = working
        self.leases = Leases(url, NAMES, self._work, look_s=0.05)
        self.task = asyncio.create_task(self.leases.run())

    async def _work(self, name: str) -> None:
        self._working[name] += 1
        assert self._working[name] == 1, f"{name} is worked on twice"
        try:
            await asyncio.Event().wait()
        finally:
            self._working[name] -= 1

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def processes(url: str, count: int) -> AsyncGenerator[tuple[list[Process], Counter[str]]]:
    working: Counter[str] = Counter()
    made = [Process(url, working) for _ in range(count)]
    try:
        yield made, working
    finally:
        for one in made:
            await one.stop()


def shared_out(made: list[Process]) -> bool:
    parts = [len(one.leases.held) for one in made]
    return sum(parts) == len(NAMES) and max(parts) - min(parts) <= len(made)


async def test_each_part_has_one_worker_and_they_are_shared_out(postgres: Postgres) -> None:
    async with processes(postgres.url(), 3) as (made, working):
        await until(lambda: shared_out(made))
        assert set((+working).values()) == {1}
        await made[0].stop()
        await until(lambda: shared_out(made[1:]))
        assert sorted(name for one in made[1:] for name in one.leases.held) == sorted(NAMES)


async def test_whoever_comes_gets_a_part(postgres: Postgres) -> None:
    async with processes(postgres.url(), 1) as (made, working):
        await until(lambda: shared_out(made))
        made.append(Process(postgres.url(), working))
        await until(lambda: [len(one.leases.held) for one in made] == [8, 8])


async def test_without_the_database_nobody_works_and_with_it_again_everything_is_taken(postgres: Postgres) -> None:
    async with processes(postgres.url(), 2) as (made, working):
        await until(lambda: shared_out(made))
        postgres.kill()
        await until(lambda: not +working)
        postgres.start()
        await until(lambda: shared_out(made), 20.0)


async def test_what_a_killed_process_held_is_taken_over(postgres: Postgres, tmp_path: Path) -> None:
    """The other is a real process, killed: its locks go with its connection."""
    holder = f"""
import asyncio
from server.leases import Leases
async def work(name): await asyncio.Event().wait()
leases = Leases({postgres.url()!r}, {NAMES!r}, work, look_s=0.05)
async def main():
    running = asyncio.create_task(leases.run())
    while len(leases.held) < 16: await asyncio.sleep(0.01)
    print("all", flush=True)
    await running
asyncio.run(main())
"""
    child = Child("holder", [sys.executable, "-c", holder], tmp_path)
    child.start()
    child.wait_until(lambda: b"all" in child.out_file.read_bytes(), 20.0)
    async with processes(postgres.url(), 1) as (made, _):
        await until(lambda: len(made[0].leases.held) == 8)
        child.send(signal.SIGKILL)
        await until(lambda: shared_out(made))


async def test_a_work_that_fails_is_told_and_not_passed_over(postgres: Postgres) -> None:
    async def fails(name: str) -> None:
        raise ValueError(f"{name} cannot be done")

    with pytest.raises(ValueError, match="cannot be done"):
        await asyncio.wait_for(Leases(postgres.url(), NAMES, fails, look_s=0.05).run(), 20)


async def test_one_process_alone_does_everything() -> None:
    begun: set[str] = set()

    async def work(name: str) -> None:
        begun.add(name)
        await asyncio.Event().wait()

    task = asyncio.create_task(Everything(NAMES, work).run())
    await until(lambda: begun == set(NAMES))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
