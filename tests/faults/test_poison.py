"""A record that one reader cannot take stops that reader in that shard, is shown, and stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event
from eventlog.shards import shard_of
from simulators.processes import ChildFailed
from simulators.products import command, run_command
from tests.faults.by_hand import LEFT_BY, Sender, centre, gateway_of, left, of_all_kinds
from tests.faults.chain import mutant
from tests.faults.story import FULL, Story
from tests.rig import COMPLEX, Rig, until
from tests.server.engines import Engine, chosen

pytestmark = pytest.mark.faults

BATCHES = 3  # before the poison, and after it
YARD = "yard"
_YARD = f'[[complexes]]\nid = "{YARD}"\nname = "另一小区"\n'
_CURSOR = "SELECT position FROM cursor WHERE reader = ? AND shard = ?"
_WAITS = "SELECT reader, shard, position, error FROM reader_wait"
SHARD = shard_of(COMPLEX)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    engine: Engine = request.param
    with engine.database() as url:
        yield url


async def send(sender: Sender, count: int) -> None:
    for _ in range(count):
        await sender.send(of_all_kinds(sender.acknowledged + 1))
        sender.acknowledged += 1


async def poisoned(rig: Rig, sender: Sender) -> int:
    """Batches, one of them with what the reader chokes on, and more behind it; the position of that one."""
    await send(sender, BATCHES)
    events = of_all_kinds(sender.acknowledged + 1)
    events[0] = Event(kind="input", device="poison", recorded_at=events[0].recorded_at)
    await sender.send(events)
    sender.acknowledged += 1
    (position,) = rig.centre_query("SELECT max(position) FROM batch")[0]
    await send(sender, BATCHES)
    return position


async def others_go_on(rig: Rig, reader: str, limit_s: float = 30.0) -> None:
    """Each other reader takes all, of which the poisoned batch has one swipe less; this one all before it."""
    sent = 2 * BATCHES + 1
    wanted = dict.fromkeys(LEFT_BY, sent) | {"doors": sent - 1} | {reader: BATCHES}
    await until(lambda: left(rig) == wanted, limit_s)


async def shown(rig: Rig) -> dict[str, Any]:
    """What the operator's command says; it exits 1 where a reader stands still."""
    words = (command("gatehouse-server"), "readers", "--data", str(rig.server_folder), "--json")
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    said = msgspec.json.decode(out, type=dict[str, Any])
    assert process.returncode == (1 if said["waiting"] else 0)
    return said


@pytest.mark.parametrize("reader", list(LEFT_BY) if FULL else [None])
async def test_one_reader_of_one_shard_stands_still(
    story: Story, tmp_path: Path, database: str, reader: str | None
) -> None:
    reader = reader or story.chance("reader").choice(list(LEFT_BY))
    async with centre(tmp_path, database, [*mutant("chokes"), f"{reader},alone"], _YARD) as rig:
        await rig.start_server()
        async with gateway_of(rig) as gateway, gateway_of(rig, YARD) as other:
            sender = Sender(gateway)
            position = await poisoned(rig, sender)
            await others_go_on(rig, reader)
            await until(lambda: rig.centre_query(_WAITS), 20.0)
            ((name, shard, at, error),) = rig.centre_query(_WAITS)
            assert (name, shard, at) == (reader, SHARD, position) and "nobody thought of" in error
            await send(Sender(other), BATCHES)
            await until(lambda: rig.centre_query(_CURSOR, reader, shard_of(YARD)), 20.0)
            await set_aside(rig, reader, position)
            await until(lambda: rig.centre_query(_CURSOR, reader, SHARD)[0][0] > position, 30.0)
            wanted = 2 * BATCHES + (0 if reader == "charges" else BATCHES)  # the yard has no tariff
            await until(lambda: left(rig)[reader] == wanted, 20.0)
            story.tell(reader=reader, **left(rig))


async def set_aside(rig: Rig, reader: str, position: int) -> None:
    """By the operator's command, which takes no other record than the one that is waited at."""
    data = ("--data", str(rig.server_folder), "--reason", "a device on trial")
    with pytest.raises(ChildFailed, match="does not wait at"):
        await run_command("gatehouse-server", "readers", "skip", reader, SHARD, str(position + 1), *data)
    await run_command("gatehouse-server", "readers", "skip", reader, SHARD, str(position), *data)
    said = await shown(rig)
    assert said["waiting"] == [] and [one["position"] for one in said["set_aside"]] == [position]
    assert said["set_aside"][0]["reason"] == "a device on trial"


async def test_control_a_reader_that_ends_all_is_seen(story: Story, tmp_path: Path) -> None:
    """The positive control: where one that chokes ends the others with it, what they do is missing."""
    async with centre(tmp_path, "", [*mutant("chokes"), "orders,all"]) as rig:
        await rig.start_server()
        async with gateway_of(rig) as gateway:
            with pytest.raises((AssertionError, TimeoutError)):
                await poisoned(rig, Sender(gateway, limit_s=5.0))
                await others_go_on(rig, "orders", 5.0)
