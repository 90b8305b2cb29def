"""A backup taken under load, the centre lost, the backup put back: gateways fill in the rest, to the same rows."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.ids import Origin
from simulators.devices.uhppoted import FORCED_OPEN, Controller
from simulators.load import publish
from simulators.postgres import Postgres
from simulators.processes import ChildFailed
from simulators.products import command, run_command
from tests.faults.chain import ended, mutant, pip_broker, running
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import SITE, loaded, settled
from tests.faults.story import Story, choose
from tests.rig import Rig

pytestmark = [pytest.mark.faults, pytest.mark.long]

ROUNDS, ROUNDS_POSTGRES, RATE = choose(2, 20), choose(1, 5), 60.0
ALARMS = 405419897
PRODUCT = [command("gatehouse-server")]


async def ran(program: list[str], *arguments: str) -> None:
    """A command of the centre, of the product or of a broken one. Raises ChildFailed."""
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(*program, *arguments, **pipes)
    said, _ = await asyncio.wait_for(process.communicate(), 120.0)
    if process.returncode:
        raise ChildFailed(f"{' '.join(arguments)}: {said.decode(errors='replace')}")


async def alarm(rig: Rig) -> None:
    """One word in the urgent stream, which says nothing more afterwards: it must be asked for."""
    said = Controller(ALARMS, SITE).alarm(1, FORCED_OPEN, datetime.now(UTC))
    await publish("127.0.0.1", rig.broker.port, [(one.topic, one.payload) for one in said], connections=1)


def held(rig: Rig) -> dict[Origin, dict[str, Any]]:
    """What came from the gateway: the centre's own findings are not of a log that fills it again."""
    return {origin: event for origin, event in rig.centre_events() if origin.gateway.startswith("gw-")}


Lose = Callable[[Rig], Awaitable[None]]


async def lose_the_disk(rig: Rig) -> None:
    """All but what an operator keeps elsewhere: the settings."""
    for path in rig.server_folder.glob("gatehouse.db*"):
        path.unlink()
    shutil.rmtree(rig.server_folder / "media")


async def one_round(rig: Rig, story: Story, number: int, backup: list[str], lose: Lose) -> dict[Origin, dict[str, Any]]:
    """Back up, go on, lose, restore, go on; what the centre had when it was lost."""
    chance, folder = story.chance(f"round {number}"), ["--data", str(rig.server_folder)]
    file = rig.folder / f"backup-{number}.zip"
    await asyncio.sleep(chance.uniform(0.2, 0.8))
    await ran(backup, "backup", str(file), *folder, *(["--no-check"] if number else []))
    if number == 0:
        await alarm(rig)
    await asyncio.sleep(chance.uniform(0.5, 1.0))
    rig.server.kill()
    had = held(rig)
    await lose(rig)
    await run_command("gatehouse-server", "restore", str(file), *folder)
    story.add(restores=1, refilled=len(had) - len(held(rig)))
    await rig.start_server()
    return had


async def lost_and_restored(
    story: Story, rig: Rig, rounds: int, backup: list[str] = PRODUCT, lose: Lose = lose_the_disk
) -> Findings:
    """Under load; what is found when all has settled. Raises AssertionError where a row came back as another."""
    had: dict[Origin, dict[str, Any]] = {}
    async with loaded(rig, RATE) as published:
        for number in range(rounds):
            had |= await one_round(rig, story, number, backup, lose)
    findings = await settled(rig, published.facts)
    there = held(rig)
    story.tell(same=sum(there.get(origin) == event for origin, event in had.items()), had=len(had))
    story.tell(alarms=sum(event["device"].endswith(str(ALARMS)) for event in there.values()), **findings.counts())
    return findings


def came_back(story: Story) -> None:
    """The same rows, and more than the backups held: else nothing had to be asked for."""
    assert story.counts["same"] == story.counts["had"]
    assert story.counts["refilled"] > 0 and story.counts["alarms"] == 1


async def test_restored_and_refilled(story: Story, tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        must_hold(await lost_and_restored(story, rig, ROUNDS))
        came_back(story)


async def test_restored_and_refilled_on_postgres(story: Story, tmp_path: Path) -> None:
    with Postgres() as postgres:
        database = urlsplit(postgres.url()).path.lstrip("/")

        async def lose(rig: Rig) -> None:
            await asyncio.to_thread(postgres.drop, database)
            await asyncio.to_thread(postgres.create, database)
            shutil.rmtree(rig.server_folder / "media")

        async with ended(Rig(tmp_path, pip_broker(), database=postgres.url()), enrolled=False) as rig:
            await rig.start_all()
            must_hold(await lost_and_restored(story, rig, ROUNDS_POSTGRES, lose=lose))
            came_back(story)


async def test_control_a_backup_of_no_single_moment_loses(story: Story, tmp_path: Path) -> None:
    """The positive control: the marks are of a later moment than the log, and nobody asks for what lies between."""
    async with running(tmp_path) as rig:
        findings = await lost_and_restored(story, rig, 1, backup=mutant("torn_backup"))
        assert findings.unlisted, "this rig could not see a loss"


@pytest.mark.full
async def test_control_an_agent_that_does_not_look_back_keeps_the_alarm(story: Story, tmp_path: Path) -> None:
    async with running(tmp_path, agent=mutant("looks_ahead")) as rig:
        await lost_and_restored(story, rig, 1)
        assert story.counts["alarms"] == 0, "this rig could not see that nobody asked"
