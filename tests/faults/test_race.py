"""Two servers on one database that the same gateway speaks with at once: one log, and every receipt is true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.faults.by_hand import centre, gateway_of
from tests.faults.chain import mutant
from tests.faults.race import Findings, look, race
from tests.faults.story import Story, choose
from tests.postgres import database
from tests.rig import Rig

pytestmark = pytest.mark.faults

ROUNDS = choose(200, 5_000)
CONTROL_ROUNDS = 60


@asynccontextmanager
async def two(folder: Path, program: list[str] | None = None) -> AsyncIterator[tuple[Rig, list[str]]]:
    """Two centres that serve, on one database; where each listens."""
    with database() as url:
        async with centre(folder / "one", url, program) as rig, centre(folder / "two", url, program) as other:
            for each in (rig, other):
                each.server.command.append("--only-requests")
            await rig.start_server()
            await other.start_server()
            yield rig, [rig.url, other.url]


async def raced(story: Story, folder: Path, rounds: int, program: list[str] | None = None) -> Findings:
    async with two(folder, program) as (rig, urls), gateway_of(rig) as gateway, AsyncExitStack() as clients:
        asking = [await clients.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30.0)) for url in urls]
        told = await race(gateway, asking, story.chance("rounds"), rounds)
        found = look(rig, gateway, told)
    outcomes = {name: sum(one.outcome == name for one in told) for name in ("stored", "known", "overlap", "gap")}
    story.tell(rounds=rounds, **outcomes, **{name: len(some) for name, some in found.against().items()})
    return found


async def test_each_sequence_is_there_once_and_each_receipt_is_true(story: Story, tmp_path: Path) -> None:
    assert (await raced(story, tmp_path, ROUNDS)).against() == {}
    assert all(story.counts[outcome] for outcome in ("stored", "known", "overlap", "gap")), "every case was met"


async def test_control_centres_that_take_no_turns_are_seen(story: Story, tmp_path: Path) -> None:
    """The positive control: without the lock on a shard both store what only one may."""
    found = await raced(story, tmp_path, CONTROL_ROUNDS, mutant("no_turns"))
    assert found.twice and found.disordered, "this rig could not see two that store the same"
