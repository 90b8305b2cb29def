"""The network between gateway and centre fails in every direction: the ends complete each other, once and in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulators.devices.uhppoted import FORCED_OPEN, Controller
from simulators.load import publish
from tests.faults.chain import ended, mutant, patient_broker
from tests.faults.doors import still_decides, with_a_door
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import SITE, loaded, settled
from tests.faults.namespaces import CENTRE_HOST, Cable, Direction, NotAllowed, inside
from tests.faults.story import Story, choose
from tests.rig import Rig, until
from tests.scenarios.door_site import DoorSite

pytestmark = [pytest.mark.faults, pytest.mark.long]

RATE = 200.0
LASTS_S = choose(4, 60)
ALARMS = 405419897
Trouble = Callable[[Cable], None]
Meanwhile = Callable[[Rig], Awaitable[None]]


@asynccontextmanager
async def apart(folder: Path, **variant: Any) -> AsyncIterator[tuple[Rig, Cable]]:
    """The chain with its centre in one namespace, all else in another. This thread stays in the gateway's."""
    with ExitStack() as stack:
        try:
            cable = stack.enter_context(Cable())
            stack.enter_context(inside(cable.gateway))
        except NotAllowed as refused:
            pytest.skip(str(refused))
        async with ended(Rig(folder, patient_broker(), host=CENTRE_HOST, **variant)) as rig:
            rig.broker.start()
            with inside(cable.centre):
                await rig.start_server()
            rig.write_edge_settings(rig.url)
            await rig.start_edge()
            yield rig, cable


async def nothing_else(_rig: Rig) -> None: ...


async def troubled(
    story: Story, rig: Rig, cable: Cable, trouble: Trouble, meanwhile: Meanwhile = nothing_else
) -> Findings:
    """Load before, during and after the trouble; then everything must come.

    ``meanwhile`` runs while there is trouble: what must not wait for the line.
    """
    chance = story.chance("times")
    async with loaded(rig, RATE) as published:
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        trouble(cable)
        await asyncio.gather(asyncio.sleep(LASTS_S), meanwhile(rig))
        cable.mend()
        await asyncio.sleep(chance.uniform(0.2, 0.5))
    findings = await settled(rig, published.facts, 150.0, source_order=True)
    story.tell(trouble_s=LASTS_S, **findings.counts())
    return findings


async def test_partitions(story: Story, tmp_path: Path) -> None:
    """Both ways, and one way only, which is worse: requests that arrive and are never heard answered."""
    directions: list[Direction] = ["both", "up", "down"]
    story.chance("directions").shuffle(directions)
    async with apart(tmp_path) as (rig, cable), with_a_door(rig) as site:
        for direction in directions[: choose(2, 3)]:
            swiped = partial(_swiped, site, story)
            must_hold(await troubled(story, rig, cable, partial(Cable.lose, direction=direction), swiped))
            story.add(partitions=1)


async def _swiped(site: DoorSite, story: Story, _rig: Rig) -> None:
    for _ in range(3):
        await still_decides(site, story)


async def test_control_asking_the_centre_first_leaves_the_door_shut(story: Story, tmp_path: Path) -> None:
    """The positive control for doors: decided here, and told only after a word with the centre."""
    async with apart(tmp_path, agent=mutant("asks_first")) as (rig, cable), with_a_door(rig) as site:
        with pytest.raises(AssertionError, match="not so after"):
            await troubled(story, rig, cable, partial(Cable.lose, direction="both"), partial(_swiped, site, story))


async def test_a_fifth_of_the_packets_lost(story: Story, tmp_path: Path) -> None:
    async with apart(tmp_path) as (rig, cable):
        must_hold(await troubled(story, rig, cable, lambda cable: cable.lose("both", 20)))


async def test_64_kbit(story: Story, tmp_path: Path) -> None:
    """Everything gets through, and an alarm in the midst of it; how long that took is in the report."""

    async def alarm(rig: Rig) -> None:
        await asyncio.sleep(LASTS_S / 2)
        story.tell(alarm_s=round(await _alarm_at_the_centre(rig), 2))

    async with apart(tmp_path) as (rig, cable):
        must_hold(await troubled(story, rig, cable, lambda cable: cable.slow(64), alarm))


async def _alarm_at_the_centre(rig: Rig) -> float:
    """From a forced door to its row in the centre's alerts, seconds."""
    alarm = Controller(ALARMS, SITE).alarm(1, FORCED_OPEN, datetime.now(UTC))
    started = time.monotonic()
    await publish("127.0.0.1", rig.broker.port, [(said.topic, said.payload) for said in alarm], connections=1)
    await until(lambda: rig.centre_query("SELECT 1 FROM alert WHERE rule = 'door_forced'"), 60.0)
    return time.monotonic() - started


async def test_control_sending_once_is_seen(story: Story, tmp_path: Path) -> None:
    """The positive control: an agent that sends and forgets, and a centre that takes whatever comes.

    It leaves holes, or what was left out comes late and out of order. Where the kernel had it sent again in time for
    everything, it was lucky, and is troubled again.
    """
    broken = {"agent": mutant("sends_once"), "centre": mutant("no_marks")}
    async with apart(tmp_path, **broken) as (rig, cable):
        for _ in range(4):
            findings = await troubled(story, rig, cable, lambda cable: cable.lose("both"))
            assert findings.events > 0
            if findings.lost or findings.unlisted or findings.disordered:
                return
    raise AssertionError("this rig could not see what sending once leaves out")


def test_nothing_is_left_behind() -> None:
    try:
        with Cable() as cable, inside(cable.centre):
            names = (cable.centre, cable.gateway)
            assert all(Path("/run/netns", name).exists() for name in names)
    except NotAllowed as refused:
        pytest.skip(str(refused))
    assert not any(Path("/run/netns", name).exists() for name in names)
