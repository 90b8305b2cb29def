"""Bytes of the log's file are flipped: the rest goes on, what is lost is told, and the centre has nothing twice."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from simulators.faults import Uplink
from tests.faults.chain import behind_a_line, mutant
from tests.faults.invariants import Fact, fact_of, look, must_hold
from tests.faults.load import Numbered, Published, behind, messages, settled
from tests.faults.seen import store_state, told
from tests.faults.story import Story, choose
from tests.rig import Rig, until

pytestmark = pytest.mark.faults

AT_THE_CENTRE, HERE_ONLY, AFTER = 1_000, choose(2_000, 20_000), 200
FLIPS = 200
_PAGE = 4_096


class Damaged:
    """A chain whose log holds what the centre has and what it lacks; the agent is stopped, the line is cut."""

    def __init__(self, rig: Rig, line: Uplink, later: Sequence[Numbered], facts: set[Fact]) -> None:
        self.rig, self.line = rig, line
        self._later, self.facts = later, facts
        self.log = rig.edge_folder / "data" / "log.db"

    async def go_on(self) -> None:
        """Start the agent on what is there; then more events, and the line again."""
        await self.rig.start_edge()
        await _say(self.rig, self._later)
        self.facts |= {message.fact for message in self._later}
        self.line.restore()


async def _say(rig: Rig, numbered: Sequence[Numbered]) -> None:
    await asyncio.wait_for(Published(numbered).send(rig.broker.port, None, window=200), 120.0)


@asynccontextmanager
async def stopped(folder: Path, agent: list[str] | None = None) -> AsyncIterator[Damaged]:
    made = messages(AT_THE_CENTRE + HERE_ONLY + AFTER, datetime.now(UTC) - timedelta(minutes=2))
    early, later = made[:-AFTER], made[-AFTER:]
    async with behind_a_line(folder, agent=agent) as (rig, line):
        await rig.start_edge()
        await _say(rig, early[:AT_THE_CENTRE])
        await until(lambda: rig.centre_count() >= AT_THE_CENTRE and behind(rig) == 0, 60.0)
        line.cut()
        await _say(rig, early[AT_THE_CENTRE:])
        await until(lambda: rig.edge_head() >= AT_THE_CENTRE + HERE_ONLY, 60.0)
        rig.edge.stop()
        with closing(sqlite3.connect(rig.edge_folder / "data" / "log.db")) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield Damaged(rig, line, later, {message.fact for message in early})


def flip(file: Path, chance: random.Random, count: int = FLIPS) -> None:
    """One bit in each of so many bytes; one in ten of them in the head of a page, where its structure is."""
    body = bytearray(file.read_bytes())
    for number in range(count):
        place = chance.randrange(len(body))
        if number % 10 == 0:
            place = place // _PAGE * _PAGE + chance.randrange(8)
        body[place] ^= 1 << chance.randrange(8)
    file.write_bytes(body)


async def test_flipped_bytes(story: Story, tmp_path: Path) -> None:
    """The store is set aside with its date; what can be read of it and the centre lacks is carried over."""
    async with stopped(tmp_path) as damaged:
        flip(damaged.log, story.chance("flips"))
        await damaged.go_on()
        rig = damaged.rig
        await until(lambda: store_state(rig) == "set_aside", 30.0)
        await until(lambda: told(rig, "salvaged/"), 60.0)
        findings = await settled(rig, damaged.facts)
        said = _salvaged(rig)
        story.tell(flips=FLIPS, **said, **findings.counts())
        assert len(list((rig.edge_folder / "data").glob("corrupt-*/log.db"))) == 1
        assert said["recovered"] > 0
        assert len(findings.lost) <= said["unreadable"]
        if findings.lost:  # told as unreadable, and red on the gateway's page
            assert "lost_with_store" in str(findings.unbalanced)
        findings.lost.clear()
        findings.unbalanced.clear()
        findings.disordered.clear()  # what is carried over stands behind what came after the damage was found
        must_hold(findings)


def _salvaged(rig: Rig) -> dict[str, int]:
    """What the agent told of the store that was set aside."""
    (event,) = told(rig, "salvaged/")
    return {name: int(count) for name, count in event["metrics"].items()}


def damage_one(log: Path, chance: random.Random) -> Fact:
    """Change one digit of the number in one record that the centre lacks, in the file itself; whose number it was."""
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as db:
        bodies = [row[0] for row in db.execute("SELECT body FROM record ORDER BY key DESC LIMIT ?", (HERE_ONLY // 4,))]
    body = chance.choice([each for each in bodies if fact_of(msgspec.json.decode(each)) is not None])
    event: dict[str, Any] = msgspec.json.decode(body)
    fact = (event["device"], event["source_event_id"])
    file = bytearray(log.read_bytes())
    place = file.index(body) + body.index(fact[1].encode()) + len(fact[1]) - 1
    file[place] ^= 1  # a digit stays a digit: the record looks as good as before
    log.write_bytes(file)
    return fact


async def test_one_flipped_record(story: Story, tmp_path: Path) -> None:
    """That one is told as unreadable, and listed at the centre; all others go on."""
    async with stopped(tmp_path) as damaged:
        gone = damage_one(damaged.log, story.chance("record"))
        await damaged.go_on()
        findings = await settled(damaged.rig, damaged.facts)
        story.tell(flips=1, **findings.counts())
        assert findings.lost == [] or findings.lost == [gone]
        assert gone not in {fact_of(event) for _, event in damaged.rig.centre_events()}
        assert damaged.rig.centre_query("SELECT first = last, reason FROM gap") == [(1, "unreadable")]
        assert "'unexplained_gap': 1" in str(findings.unbalanced), "red: a record that cannot be read is a fault"
        findings.lost.clear()
        findings.unbalanced.clear()
        must_hold(findings)


async def test_control_without_checksums_a_wrong_fact_is_believed(story: Story, tmp_path: Path) -> None:
    async with stopped(tmp_path, agent=mutant("no_checksums")) as damaged:
        gone = damage_one(damaged.log, story.chance("record"))
        await damaged.go_on()
        findings = await settled(damaged.rig, damaged.facts)
        story.tell(flips=1, **findings.counts())
        assert look(damaged.rig, {gone}).lost == [gone]
        assert findings.listed == 0, "this rig could not see that a wrong fact was believed"
