"""A box that never reached its centre, or does not belong to one yet: everything is stored, and delivered later."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.chain import ended, mutant, patient_broker
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import Published, messages, settled
from tests.faults.story import Story, choose
from tests.rig import Rig, until

pytestmark = pytest.mark.faults

COUNT = choose(1_500, 60_000)
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody is at home


async def never_enrolled(story: Story, folder: Path, agent: list[str] | None = None) -> Findings:
    """Events first; the centre is made and the box enrolled afterwards, the agent running all the time."""
    async with ended(Rig(folder, patient_broker(), agent=agent), enrolled=False) as rig:
        rig.broker.start()
        rig.write_edge_settings("")
        await rig.start_edge()
        published = await _said(rig)
        if agent is None:
            await until(lambda: rig.edge_head() >= COUNT, 60.0)
            await _killed_at(story, rig)
        await rig.start_server()
        await rig.enrol()
        findings = await settled(rig, published.facts, source_order=True)
    story.tell(**findings.counts())
    return findings


async def _said(rig: Rig) -> Published:
    published = Published(messages(COUNT, datetime.now(UTC) - timedelta(minutes=2)))
    await asyncio.wait_for(published.send(rig.broker.port, None, window=200), 120.0)
    return published


async def _killed_at(story: Story, rig: Rig) -> None:
    """The mains fail too, as the seed has it."""
    if story.chance("mains").random() < 0.5:
        story.add(kills=1)
        rig.edge.kill()
        await rig.start_edge()


async def test_never_enrolled(story: Story, tmp_path: Path) -> None:
    findings = await never_enrolled(story, tmp_path)
    must_hold(findings)
    assert findings.acknowledged == COUNT


async def test_control_waiting_for_the_centre_loses(story: Story, tmp_path: Path) -> None:
    """The positive control: an agent that listens to devices only when it belongs to a centre."""
    findings = await never_enrolled(story, tmp_path, agent=mutant("waits_for_centre"))
    assert findings.lost, "this rig could not see a loss"


async def test_never_reached(story: Story, tmp_path: Path) -> None:
    """Enrolled, then moved to where the centre cannot be reached; its first start there."""
    async with ended(Rig(tmp_path, patient_broker())) as rig:
        rig.broker.start()
        rig.write_edge_settings(NOWHERE)
        await rig.start_edge()
        published = await _said(rig)
        await until(lambda: rig.edge_head() >= COUNT, 60.0)
        await rig.start_server()
        rig.edge.stop()
        rig.write_edge_settings(rig.url)
        await rig.start_edge()
        findings = await settled(rig, published.facts, source_order=True)
        story.tell(**findings.counts())
        must_hold(findings)
