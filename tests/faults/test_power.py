"""Power cuts under a real file system: what was acknowledged is on the disk; with synchronous=NORMAL it is not."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from simulators.processes import Child
from tests.faults import crash_steps
from tests.faults.chain import behind_a_line, mutant
from tests.faults.disks import Disk, NotAllowed, kinds
from tests.faults.invariants import Findings, must_hold
from tests.faults.load import loaded, settled
from tests.faults.log_writer import acknowledged, body
from tests.faults.story import ROOT, Story, choose

pytestmark = pytest.mark.faults

RATE = 300.0
SMALL = "[capacity]\nfree_bytes = 0\nreserve_bytes = 1048576\n"  # nothing goes for want of room


class Writer:
    """The log's writer on a disk whose power is cut again and again."""

    def __init__(self, folder: Path, disk: Disk, story: Story, synchronous: str) -> None:
        self._disk, self._story, self._chance = disk, story, story.chance(f"writer {synchronous}")
        self._log, self._said = disk.path / "log.db", folder / "acknowledged"
        self._folder, self._synchronous = folder, synchronous
        self._kept = 0  # after the cut before

    async def cut(self) -> int:
        """Write for a moment, cut; how many acknowledged records are gone. Raises AssertionError for wrong ones."""
        seed = str(self._chance.randrange(2**32))
        arguments = [str(self._log), str(self._said), self._synchronous, seed]
        child = Child("writer", [sys.executable, "-m", "tests.faults.log_writer", *arguments], self._folder)
        self._said.unlink(missing_ok=True)
        child.start()
        child.wait_until(lambda: acknowledged(self._said) > 0, 20.0)
        await asyncio.sleep(self._chance.uniform(0.0, 0.25))
        self._disk.cut(child)
        self._disk.restore()
        told, kept = acknowledged(self._said), _newest_whole(self._log)
        self._story.add(acknowledged=told - self._kept)
        self._kept = kept
        return max(0, told - kept)


def _newest_whole(log: Path) -> int:
    """The newest record, after a look that all before it are there and are what was written; 0 for no log."""
    if not log.exists():
        return 0
    with closing(sqlite3.connect(log)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'record'").fetchone():
            return 0
        bodies = [row[0] for row in db.execute("SELECT body FROM record ORDER BY key")]
    assert bodies == [body(number) for number in range(1, len(bodies) + 1)]
    return len(bodies)


async def cut_under_writer(story: Story, folder: Path, synchronous: str, cuts: int) -> int:
    """The same number of cuts on each file system; the records lost in all."""
    lost = 0
    for kind in kinds():
        with Disk(folder / "image" / kind, folder / kind, kind) as disk:
            writer = Writer(folder, disk, story, synchronous)
            for _ in range(cuts // len(kinds())):
                lost += await writer.cut()
                story.add(**{f"{kind} cuts": 1})
    return lost


def instead(story: Story, refused: NotAllowed, synchronous: str = "FULL") -> crash_steps.Losses:
    """Where nothing may be mounted: the file system that keeps synced bytes only, in memory."""
    story.tell(instead="the crash file system", because=str(refused))
    return crash_steps.crash_at_each_step(story, synchronous)


@pytest.fixture(autouse=True)
def this_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


async def test_log_survives_cuts(story: Story, tmp_path: Path) -> None:
    try:
        lost = await cut_under_writer(story, tmp_path, "FULL", choose(20, 200))
    except NotAllowed as refused:
        lost = instead(story, refused).records
    story.tell(lost=lost)
    assert lost == 0


async def test_control_log_without_full_sync_loses(story: Story, tmp_path: Path) -> None:
    """The positive control: the same cuts on a log whose commits do not wait for the disk."""
    try:
        lost = await cut_under_writer(story, tmp_path, "NORMAL", 6)
    except NotAllowed as refused:
        lost = instead(story, refused, "NORMAL").records
    story.tell(lost=lost)
    assert lost > 0, "this rig could not see a loss"


async def cut_under_agent(story: Story, folder: Path, cuts: int, agent: list[str] | None = None) -> Findings:
    """The agent's folder on the disk that is cut; broker, centre and devices keep their power.

    The line to the centre is cut as well, most of the time: else the centre soon has everything.
    """
    chance, kind = story.chance("agent"), story.chance("kind").choice(kinds())
    disk = Disk(folder / "image" / "disk", folder / "gateway" / "data", kind)
    with disk:
        async with behind_a_line(folder, agent=agent, extra_edge=SMALL) as (rig, line):
            await rig.start_edge()  # before the load: a broker keeps nothing for a client that it does not know
            async with loaded(rig, RATE) as published:
                for _ in range(cuts):
                    line.restore() if chance.random() < 0.3 and agent is None else line.cut()
                    await asyncio.sleep(chance.uniform(0.1, 0.8))
                    disk.cut(rig.edge)
                    disk.restore()
                    await rig.start_edge()
            line.restore()
            findings = await settled(rig, published.facts)
    story.tell(cuts=disk.cuts, on=kind, **findings.counts())
    return findings


async def test_agent_survives_cuts(story: Story, tmp_path: Path) -> None:
    try:
        findings = await cut_under_agent(story, tmp_path, choose(6, 100))
    except NotAllowed as refused:
        assert instead(story, refused).records == 0
        return
    must_hold(findings)


async def test_control_agent_without_full_sync_loses(story: Story, tmp_path: Path) -> None:
    try:
        findings = await cut_under_agent(story, tmp_path, 5, agent=mutant("normal_sync"))
    except NotAllowed as refused:
        assert instead(story, refused, "NORMAL").records > 0
        return
    assert findings.lost, "this rig could not see a loss"
