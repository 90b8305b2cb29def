"""kill -9 under load, in real processes: what was acknowledged is at the centre, exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulators.broker import Broker
from tests.faults.chain import debian_mosquitto, mutant, pip_broker, running
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import under_load
from tests.faults.story import Story, choose
from tests.rig import Rig

pytestmark = [pytest.mark.faults, pytest.mark.long]

EVERY_S = 0.5
RATE = choose(200, 150)


class Killer:
    """Kills one of the rig's processes, starts it again, and counts."""

    def __init__(self, rig: Rig, story: Story) -> None:
        self._rig, self._story = rig, story

    async def kill(self, what: str) -> None:
        self._story.add(**{f"{what} kills": 1})
        if what == "agent":
            self._rig.edge.kill()
            await self._rig.start_edge()
        elif what == "server":
            self._rig.server.kill()
            await self._rig.start_server()
        else:
            self._rig.broker.kill()
            self._rig.broker.restart()


async def killed(story: Story, folder: Path, broker: Broker, whats: list[str], **variant: Any) -> Findings:
    """Kill these one after another under load; what is found when all has settled."""
    async with running(folder, broker, **variant) as rig:
        killer, left = Killer(rig, story), iter(whats)
        findings = await under_load(rig, RATE, len(whats), lambda: killer.kill(next(left)), EVERY_S)
        story.tell(broker=broker.name, **findings.counts())
        return findings


def drawn(story: Story, among: tuple[str, ...], count: int) -> list[str]:
    """As many of each, in the order of the seed."""
    whats = [among[index % len(among)] for index in range(count)]
    story.chance("order").shuffle(whats)
    return whats


async def test_agent_and_broker_killed(story: Story, tmp_path: Path) -> None:
    whats = drawn(story, ("agent", "broker"), choose(6, 200))
    must_hold(await killed(story, tmp_path, pip_broker(), whats))


async def test_agent_and_server_killed(story: Story, tmp_path: Path) -> None:
    whats = drawn(story, ("agent", "server"), choose(6, 40))
    must_hold(await killed(story, tmp_path, pip_broker(), whats))


async def test_agent_killed_behind_mosquitto(story: Story, tmp_path: Path) -> None:
    must_hold(await killed(story, tmp_path, debian_mosquitto(), ["agent"] * choose(4, 40)))


async def test_control_acknowledging_first_loses(story: Story, tmp_path: Path) -> None:
    """The positive control: the same kills on an agent that acknowledges before the commit."""
    whats, slowly = ["agent"] * choose(6, 20), "commit_wait_s = 0.05\n"
    findings = await killed(story, tmp_path, pip_broker(), whats, agent=mutant("ack_first"), extra_edge=slowly)
    assert findings.lost, "this rig could not see a loss"


async def test_mosquitto_killed_loses_what_it_had_in_memory(story: Story, tmp_path: Path) -> None:
    """Its loss is its own, and in the report; what the agent had is at the centre, and nothing is there twice."""
    findings = await killed(story, tmp_path, debian_mosquitto(), ["broker"] * choose(4, 20))
    findings.lost.clear()
    must_hold(findings)
