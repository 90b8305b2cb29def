"""A day without the centre, replayed from a log filled before: all of it comes, and the alarms of now go first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from domain.events import Event, encode_event, stream_of
from domain.ids import content_name, fact_id
from edge.devices.driver import Picture
from edge.store.file import open_store
from edge.store.media import Kept, MediaStore
from eventlog.log import Entry
from simulators.devices.uhppoted import FORCED_OPEN, Controller
from simulators.load import publish
from tests.faults.chain import behind_a_line, mutant
from tests.faults.invariants import Fact, Findings, must_hold
from tests.faults.load import SITE, settled
from tests.faults.story import Story
from tests.rig import Rig, until

pytestmark = pytest.mark.faults

EVENTS, PICTURES, DAY = 60_000, 200, timedelta(hours=24)
GROUP, FEWER = 500, 10_000
ALARMS = 405419897
KINDS = ("access", "access", "access", "plate")


def lived(count: int, began: datetime, chance: Random) -> list[Event]:
    """A day's events of a complex, with the times they had."""
    made: list[Event] = []
    for number in range(1, count + 1):
        kind = chance.choice(KINDS)
        at = began + DAY * (number / count)
        event = Event(kind=kind, device=f"{kind}:{chance.randrange(7)}", time=at, source_event_id=str(number))
        event.recorded_at = at
        made.append(event)
    return made


async def fill(folder: Path, events: list[Event], chance: Random) -> set[str]:
    """Put the day into the agent's log, and pictures beside it; the pictures' names. No agent runs."""
    store = await open_store(folder, lambda: datetime.now(UTC))
    media = MediaStore(folder / "media", store)
    try:
        for start in range(0, len(events), GROUP):
            entries = [Entry(stream_of(event), encode_event(event), fact_id(event)) for event in events[start:][:GROUP]]
            await store.append(entries)
        bodies = [b"\xff\xd8\xff\xe0" + chance.randbytes(8_000) for _ in range(PICTURES)]
        kept = [Kept(Picture(content_name(body), body), "routine") for body in bodies]
        await media.keep([one.picture for one in kept])
        await store.write(media.statements(kept))
    finally:
        await store.close()
    return {one.picture.sha256 for one in kept}


async def replayed(story: Story, folder: Path, count: int, agent: list[str] | None = None) -> tuple[Findings, int]:
    """The line comes back, and with it an alarm of now; what is found, and how many came before the alarm."""
    began = datetime.now(UTC) - DAY
    async with behind_a_line(folder, agent=agent) as (rig, line):
        line.cut()
        events = lived(count, began, story.chance("day"))
        names = await fill(rig.edge_folder / "data", events, story.chance("pictures"))
        await rig.start_edge()
        await _alarm(rig)
        await until(lambda: rig.edge_head() > count + 1, 30.0)
        line.restore()
        facts: set[Fact] = {(event.device, str(event.source_event_id)) for event in events}
        findings = await settled(rig, facts, 240.0)
        await until(lambda: _pictures_at(rig) >= names, 180.0)
        before = _came_before_the_alarm(rig)
        story.tell(events_before_the_alarm=before, pictures=len(names), **findings.counts())
        return findings, before


async def _alarm(rig: Rig) -> None:
    alarm = Controller(ALARMS, SITE).alarm(1, FORCED_OPEN, datetime.now(UTC))
    pairs = [(said.topic, said.payload) for said in alarm]
    await asyncio.wait_for(publish("127.0.0.1", rig.broker.port, pairs, connections=1), 30.0)


def _pictures_at(rig: Rig) -> set[str]:
    return {path.name for path in rig.server_folder.rglob("*") if path.is_file() and len(path.name) == 64}


def _came_before_the_alarm(rig: Rig) -> int:
    """How many events lie before the forced door in the centre's log."""
    for place, (_, event) in enumerate(rig.centre_events()):
        if event["device"].endswith(str(ALARMS)):
            return place
    raise AssertionError("the alarm is not at the centre")


async def test_a_day_replayed(story: Story, tmp_path: Path) -> None:
    findings, before = await replayed(story, tmp_path, EVENTS)
    must_hold(findings)
    assert findings.acknowledged == EVENTS
    assert before < EVENTS / 10, "the alarm stood behind the backlog"


async def test_control_one_stream_keeps_the_alarm_waiting(story: Story, tmp_path: Path) -> None:
    """The positive control: the alarm travels with everything else."""
    _, before = await replayed(story, tmp_path, FEWER, agent=mutant("one_stream"))
    assert before > FEWER / 2, "this rig could not see an alarm that waits"
