"""Messages that come twice, late and out of order, from devices and to the centre: each fact is there once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.faults import Faults
from tests.faults.chain import ended, mutant, patient_broker, running
from tests.faults.http_line import Fate, HttpLine
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import Published, loaded, messages, settled
from tests.faults.story import Story, choose
from tests.rig import Rig

pytestmark = pytest.mark.faults

COUNT = choose(2_000, 40_000)
SECONDS = choose(8, 120)
SHARES: dict[Fate, float] = {"twice": 0.15, "late": 0.1, "no answer": 0.15, "no request": 0.1, "old again": 0.15}


async def spoiled_by_devices(story: Story, folder: Path, **variant: Any) -> Findings:
    """Publish a seeded mess of messages; each fact is in it at least once."""
    faults = Faults(story.seed, duplicate=0.2, reorder=0.2, depth=30)
    sent = list(faults.apply(messages(COUNT, datetime.now(UTC) - timedelta(minutes=2))))
    async with running(folder, **variant) as rig:
        published = Published(sent)
        await asyncio.wait_for(published.send(rig.broker.port, None, window=200), 120.0)
        findings = await settled(rig, published.facts)
    story.tell(sent=len(sent), facts=COUNT, **findings.counts())
    return findings


async def test_devices_repeat_and_reorder(story: Story, tmp_path: Path) -> None:
    findings = await spoiled_by_devices(story, tmp_path)
    must_hold(findings)
    assert findings.acknowledged == COUNT


async def test_control_agent_without_ids_doubles(story: Story, tmp_path: Path) -> None:
    findings = await spoiled_by_devices(story, tmp_path, agent=mutant("no_ids"))
    assert findings.facts_twice, "this rig could not see a double"


async def spoiled_on_the_way(story: Story, folder: Path, **variant: Any) -> Findings:
    """Requests to the centre sent twice, again much later, late, unanswered and lost, under load."""
    async with ended(Rig(folder, patient_broker(), **variant)) as rig:
        rig.broker.start()
        await rig.start_server()
        async with HttpLine(rig.url, story.chance("fates"), dict(SHARES)) as line:
            rig.write_edge_settings(line.url)
            await rig.start_edge()
            async with loaded(rig, 300.0) as published:
                await asyncio.sleep(SECONDS)
            line.straight()
            findings = await settled(rig, published.facts, source_order=True)
            rig.edge.stop(5.0)
            story.tell(requests=dict(line.fates))
    story.tell(**findings.counts())
    return findings


async def test_requests_repeated_and_lost(story: Story, tmp_path: Path) -> None:
    must_hold(await spoiled_on_the_way(story, tmp_path))


async def test_control_centre_without_marks_doubles(story: Story, tmp_path: Path) -> None:
    findings = await spoiled_on_the_way(story, tmp_path, centre=mutant("no_marks"))
    assert findings.origins_twice, "this rig could not see a double"
