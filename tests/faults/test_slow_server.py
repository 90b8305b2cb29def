"""The centre is slow, silent, or half there: the agent waits within bounds, and everything arrives once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from simulators.faults import Uplink
from tests.faults.chain import behind_a_line, mutant, patient_broker
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import QUIET_S, loaded, settled
from tests.faults.story import Story, choose
from tests.rig import Rig, until

pytestmark = pytest.mark.faults

RATE = 200.0
LASTS_S = choose(4, 40)
GIVES_UP_S = 45.0  # the agent's longest wait for an answer is 30 s

Trouble = Callable[[Rig, Uplink], Awaitable[None]]


async def troubled(story: Story, folder: Path, trouble: Trouble, **variant: list[str]) -> Findings:
    """Load throughout; the trouble comes and goes; then everything must have come."""
    quiet_s = GIVES_UP_S if trouble is half_open else QUIET_S
    async with behind_a_line(folder, patient_broker(), **variant) as (rig, line):
        await rig.start_edge()
        async with loaded(rig, RATE) as published:
            await until(lambda: rig.centre_count() > RATE / 2)
            await trouble(rig, line)
            assert rig.edge.running, rig.edge.tail()
        findings = await settled(rig, published.facts, quiet_s=quiet_s, source_order=True)
    story.tell(**findings.counts())
    return findings


async def slow(_rig: Rig, line: Uplink) -> None:
    """A second for every request's way and back, and a few kilobytes a second."""
    line.delay_s, line.bytes_per_s = 0.5, 16_000.0
    await asyncio.sleep(LASTS_S)
    line.delay_s, line.bytes_per_s = 0.0, 0.0


async def stopped(rig: Rig, _line: Uplink) -> None:
    """Its sockets are open and nobody is at home."""
    rig.server.send(signal.SIGSTOP)
    await asyncio.sleep(LASTS_S)
    rig.server.send(signal.SIGCONT)


async def away(_rig: Rig, line: Uplink) -> None:
    """Nobody takes the connection."""
    line.cut()
    await asyncio.sleep(LASTS_S)
    line.restore()


async def half_open(rig: Rig, line: Uplink) -> None:
    """Connections that were there are dead and nobody says so; the agent must find out, and connect again."""
    line.forget()
    accepted, here = line.accepted, rig.centre_count()
    await until(lambda: line.accepted > accepted and rig.centre_count() > here, GIVES_UP_S)


async def reset(_rig: Rig, line: Uplink) -> None:
    """Every connection is thrown down again and again, in the midst of whatever it carries."""
    for _ in range(choose(15, 200)):
        line.cut()
        line.restore()
        await asyncio.sleep(0.15)


@pytest.mark.parametrize("trouble", [slow, stopped, away, half_open, reset], ids=lambda trouble: trouble.__name__)
async def test_recovers(story: Story, tmp_path: Path, trouble: Trouble) -> None:
    must_hold(await troubled(story, tmp_path, trouble))


async def test_control_sending_once_is_seen(story: Story, tmp_path: Path) -> None:
    """The positive control: an agent that takes what it sent for arrived, and a centre that takes whatever comes."""
    broken = {"agent": mutant("sends_once"), "centre": mutant("no_marks")}
    findings = await troubled(story, tmp_path, away, **broken)
    with pytest.raises(AssertionError):
        must_hold(findings)
