"""The disk is full: the agent runs on and says so, nothing acknowledged is lost, and what goes, goes by the rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.devices import frigate
from simulators.faults import Uplink
from simulators.load import publish
from tests.faults.chain import behind_a_line, mutant
from tests.faults.disks import NotAllowed, SmallDisk
from tests.faults.doors import still_decides, with_a_door
from tests.faults.invariants import Fact, Findings, must_hold
from tests.faults.load import CAMERA, QUIET_S, Published, loaded, messages, settled
from tests.faults.seen import store_state_at_the_centre, told
from tests.faults.story import Story, choose
from tests.rig import Rig, until

pytestmark = [pytest.mark.faults, pytest.mark.long]

RATE = 200.0
DISK_MB = choose(24, 96)  # what was acknowledged stays for days, and must not be what fills it
CROWD, CROWD_FROM = 1_400, 5_000_000
ROUNDS = choose(1, 10)
NOTHING_GOES = "queue_messages = 100\n[capacity]\nfree_bytes = 0\nreserve_bytes = 2097152\n"
LITTLE_ROOM = "[capacity]\nfree_bytes = 0\nreserve_bytes = 1048576\nlog_bytes = 786432\npicture_bytes = 262144\n"
COMES_BACK_S = 20.0  # the agent hangs up and comes again for what it had left with the broker
EVENTS, PICTURES, PICTURE_BYTES = 6_000, 60, 20_000


@asynccontextmanager
async def on_a_small_disk(
    folder: Path, settings: str, agent: list[str] | None = None
) -> AsyncIterator[tuple[Rig, Uplink, SmallDisk]]:
    """The chain with the agent's folder on a disk of its own, of few megabytes. Skips where nothing may be mounted."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(SmallDisk(folder / "gateway" / "data", f"{DISK_MB}m"))
        except NotAllowed as refused:
            pytest.skip(str(refused))
        async with behind_a_line(folder, agent=agent, extra_edge=settings) as (rig, line):
            await rig.start_edge()
            yield rig, line, disk


async def filled(story: Story, folder: Path, agent: list[str] | None = None) -> Findings:
    """Somebody else fills the disk under load, again when the reserve was given up, and lets go after a while."""
    chance = story.chance("times")
    async with on_a_small_disk(folder, NOTHING_GOES, agent) as (rig, _, disk), with_a_door(rig) as site:
        crowds = set[Fact]()
        rounds = ROUNDS if rig.is_the_product else 1
        async with loaded(rig, RATE) as published:
            for number in range(rounds):
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                await _filled(rig, disk)
                crowds |= await _crowd(rig, number)
                await still_decides(site, story)
                await asyncio.sleep(chance.uniform(0.5, 2.0))
                await _emptied(rig, disk)
                story.add(fillings=1)
        findings = await settled(rig, published.facts | crowds, quiet_s=COMES_BACK_S if rig.is_the_product else QUIET_S)
        story.tell(said_full=len(told(rig, "store/full")), **findings.counts())
        return findings


async def _filled(rig: Rig, disk: SmallDisk) -> None:
    """To the last byte, once more after the reserve was given up, and until the centre knows."""
    reserve = disk.path / "reserve"
    await until(reserve.exists, 15.0)
    disk.fill()
    await until(lambda: not reserve.exists(), 15.0)
    disk.fill()
    await until(lambda: store_state_at_the_centre(rig) == "full", 20.0)


async def _crowd(rig: Rig, number: int) -> set[Fact]:
    """More than a broker hands over without an acknowledgement: what comes behind it is not handed over."""
    crowd = Published(messages(CROWD, datetime.now(UTC) - timedelta(minutes=1), CROWD_FROM + number * CROWD))
    await asyncio.wait_for(crowd.send(rig.broker.port, None), 30.0)
    return crowd.facts


async def _emptied(rig: Rig, disk: SmallDisk) -> None:
    assert rig.edge.running, rig.edge.tail()
    disk.make_room()
    await until(lambda: store_state_at_the_centre(rig) == "ok", 40.0)


async def test_filled_by_somebody_else(story: Story, tmp_path: Path) -> None:
    must_hold(await filled(story, tmp_path))
    assert story.counts["said_full"] >= 1


async def test_control_acknowledging_first_loses(story: Story, tmp_path: Path) -> None:
    """It loses what is handed over in the moments when nothing fits: a disk that gives room back at once has none."""
    for attempt in range(3):
        findings = await filled(story, tmp_path / str(attempt), agent=mutant("ack_first"))
        if findings.lost:
            return
    raise AssertionError("this rig could not see a loss")


async def test_control_without_a_second_ear_the_door_stays_shut(story: Story, tmp_path: Path) -> None:
    """The positive control for doors: what the broker no longer hands over is not decided."""
    with pytest.raises(AssertionError, match="not so after"):
        await filled(story, tmp_path, agent=mutant("one_ear"))


def pictures(story: Story, count: int) -> list[tuple[str, bytes]]:
    """Snapshots of persons: routine, and each another picture."""
    chance = story.chance("pictures")
    bodies = (b"\xff\xd8\xff\xe0" + chance.randbytes(PICTURE_BYTES) for _ in range(count))
    return [(shot.topic, shot.payload) for shot in (frigate.snapshot("gate", "person", body) for body in bodies)]


async def cut_off_for_long(story: Story, folder: Path) -> tuple[Findings, Rig, set[Fact]]:
    """More events and pictures than there is room for while the centre is away; what was acknowledged."""
    async with on_a_small_disk(folder, LITTLE_ROOM) as (rig, line, disk):
        line.cut()
        published = Published(messages(EVENTS, datetime.now(UTC) - timedelta(minutes=2)))
        await publish("127.0.0.1", rig.broker.port, pictures(story, PICTURES), connections=1)
        await asyncio.wait_for(published.send(rig.broker.port, 1_500.0), 120.0)
        await until(lambda: rig.edge_head() >= EVENTS + PICTURES, 60.0)
        media = disk.path / "media"
        await until(lambda: sum(each.stat().st_size for each in media.rglob("*") if each.is_file()) <= 262_144, 30.0)
        line.restore()
        findings = await settled(rig, published.facts)
        story.tell(
            pictures_let_go=sum(int(event["metrics"]["dropped"]) for event in told(rig, "let_go/routine_pictures")),
            records_let_go=sum(
                int(event["metrics"]["dropped"])
                for event in told(rig, "let_go/routine")
                if event["point"] == "let_go/routine"
            ),
            **findings.counts(),
        )
        return findings, rig, published.facts


async def test_what_goes_by_the_rule(story: Story, tmp_path: Path) -> None:
    """Routine pictures first, then routine records, each told; money and alarms never, and the hole is listed."""
    findings, _, acknowledged = await cut_off_for_long(story, tmp_path)
    assert story.counts["pictures_let_go"] > 0
    assert findings.lost, "the room sufficed: nothing was tried"
    assert [fact for fact in findings.lost if fact[0] == f"vzenith:{CAMERA.sn}"] == []
    assert len(findings.lost) <= findings.listed
    assert len(acknowledged) == EVENTS
    findings.lost.clear()
    must_hold(findings)
