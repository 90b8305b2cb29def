"""Syncs and writes fail for a while: nothing acknowledged meanwhile is lost, and the agent goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.faults import Uplink
from tests.faults import crash_steps
from tests.faults.chain import behind_a_line, mutant
from tests.faults.disks import Disk, NotAllowed
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import loaded, settled
from tests.faults.seen import store_state, told
from tests.faults.shim import Order, Shim
from tests.faults.story import Story, choose
from tests.rig import Rig, until

pytestmark = [pytest.mark.faults, pytest.mark.long]

RATE = 200.0
ROUNDS = choose(1, 10)
QUEUE = "queue_messages = 100\n[capacity]\nfree_bytes = 0\nreserve_bytes = 1048576\n"


@asynccontextmanager
async def suffering(folder: Path, agent: list[str] | None = None) -> AsyncIterator[tuple[Rig, Uplink, Shim]]:
    """The chain, its line to the centre cut: else the centre has everything before the disk can lose it."""
    shim = Shim(folder, folder / "gateway" / "data")
    async with behind_a_line(folder, agent=agent, agent_env=shim.env, extra_edge=QUEUE) as (rig, line):
        line.cut()
        await rig.start_edge()
        yield rig, line, shim


async def again(rig: Rig) -> None:
    rig.edge.kill()
    await rig.start_edge()


async def failing(story: Story, folder: Path, order: Order, agent: list[str] | None = None) -> Findings:
    """Under load, the order for a while, again and again; half the time the agent is killed in the midst of it."""
    chance = story.chance("times")
    async with suffering(folder, agent) as (rig, line, shim):
        rounds = ROUNDS if rig.is_the_product else 1  # one is enough to see a loss by
        async with loaded(rig, RATE) as published:
            for _ in range(rounds):
                await asyncio.sleep(chance.uniform(0.5, 1.0))
                await _one_fault(rig, shim, order, chance.uniform(1.0, 2.0))
                if agent is not None or chance.random() < 0.5:
                    story.add(kills=1)
                    rig.edge.kill()
                    shim.mend()
                    await rig.start_edge()
                shim.mend()
                await until(lambda: store_state(rig) == "ok", 40.0)
                story.add(faults=1)
        line.restore()
        await again(rig)
        findings = await settled(rig, published.facts)
        story.tell(reopened=len(told(rig, "store/reopened")), **findings.counts())
        return findings


async def _one_fault(rig: Rig, shim: Shim, order: Order, lasts_s: float) -> None:
    """Until the agent says that it has met it, and a while longer; it runs on."""
    shim.order(order)
    await until(lambda: store_state(rig) == "reopening", 15.0)
    await asyncio.sleep(lasts_s)
    assert rig.edge.running, rig.edge.tail()


async def test_syncs_fail(story: Story, tmp_path: Path) -> None:
    must_hold(await failing(story, tmp_path, "sync fail"))


async def test_writes_fail(story: Story, tmp_path: Path) -> None:
    must_hold(await failing(story, tmp_path, "write fail"))


async def test_control_acknowledging_first_loses(story: Story, tmp_path: Path) -> None:
    findings = await failing(story, tmp_path, "sync fail", agent=mutant("ack_first"))
    assert findings.lost, "this rig could not see a loss"


async def then_cut(story: Story, folder: Path, order: Order) -> Findings:
    """The order for a while, a moment of work after it, and then the power goes: a sync that failed and was only
    tried again would have left a hole."""
    with Disk(folder / "image" / "disk", folder / "gateway" / "data", "ext4") as disk:
        async with suffering(folder) as (rig, line, shim):
            async with loaded(rig, RATE) as published:
                await asyncio.sleep(0.7)
                shim.order(order)
                await asyncio.sleep(2.0)
                if order != "sync lie":
                    shim.mend()
                    await until(lambda: store_state(rig) == "ok", 40.0)
                await asyncio.sleep(0.7)
                disk.cut(rig.edge)
            shim.mend()
            disk.restore()
            line.restore()
            await rig.start_edge()
            findings = await settled(rig, published.facts)
    story.tell(cuts=disk.cuts, **findings.counts())
    return findings


async def test_syncs_fail_and_then_the_power(story: Story, tmp_path: Path) -> None:
    try:
        findings = await then_cut(story, tmp_path, "sync fail")
    except NotAllowed as refused:
        story.tell(instead="the crash file system", because=str(refused))
        assert crash_steps.crash_at_each_step(story).records == 0
        return
    must_hold(findings)


async def test_control_a_disk_that_lies_loses(story: Story, tmp_path: Path) -> None:
    """The positive control: syncs that are said to be done and are not, and then the power."""
    try:
        findings = await then_cut(story, tmp_path, "sync lie")
    except NotAllowed as refused:
        story.tell(instead="the crash file system", because=str(refused))
        assert crash_steps.crash_at_each_step(story, "OFF").records > 0
        return
    assert findings.lost, "this rig could not see a loss"
