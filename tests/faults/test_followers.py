"""A follower that crashes between its effect and its cursor, in every order: each record has its effect once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from simulators.processes import Child
from tests.faults.by_hand import LEFT_BY, Sender, centre, gateway_of, left
from tests.faults.chain import mutant
from tests.faults.story import Story, choose
from tests.rig import Rig, until
from tests.server.engines import Engine, chosen

pytestmark = pytest.mark.faults

READERS, POINTS = ("counting", *LEFT_BY), ("effect", "cursor", "commit")
CRASHES = choose(3, 60)
_COUNTED = "SELECT last FROM mark WHERE gateway = 'counted'"
KILLED = -9


class Plan(msgspec.Struct, frozen=True):
    """In which reader's how many-th step the process ends, and where in it; see mutants/dies_in_reader.py."""

    reader: str
    point: str
    takes: int = 1
    way: str = "together"

    def __str__(self) -> str:
        return f"{self.reader},{self.point},{self.takes},{self.way}"


def drawn(story: Story, count: int) -> list[Plan]:
    """The reader that relies on its cursor alone at the two points in between, and others by the seed."""
    chance = story.chance("crashes")
    every = list(itertools.product(READERS, POINTS))
    chance.shuffle(every)
    chosen = [("counting", "effect"), ("counting", "cursor"), *itertools.islice(itertools.cycle(every), count - 2)]
    return [Plan(reader, point, chance.randrange(1, 4)) for reader, point in chosen]


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    engine: Engine = request.param
    with engine.database() as url:
        yield url


class Readers:
    """The process that reads: on SQLite the centre itself, on PostgreSQL a worker beside one that only serves."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        folder = str(rig.server_folder)
        if rig.database:
            rig.server.command.append("--only-requests")
            self.process, self._rest = Child("worker", ["-"], rig.folder), ["work", "--data", folder]
        else:
            self.process, self._rest = rig.server, ["serve", "--data", folder]

    async def begin(self, plan: Plan) -> None:
        """With a centre that is there for a gateway to enrol; nothing is read yet, so nobody ends."""
        self._becomes(plan)
        await self._rig.start_server()
        if self.process is not self._rig.server:
            self.process.start()

    async def crash(self) -> None:
        """Let it read until it ends itself where its plan says."""
        await until(lambda: not self.process.running, 40.0)
        assert self.process.exit_status == KILLED, self.process.tail()

    def again(self, plan: Plan) -> None:
        self._becomes(plan)
        self.process.start()

    def _becomes(self, plan: Plan) -> None:
        self.process.command = [*mutant("dies_in_reader"), str(plan), *self._rest]


async def crashed(story: Story, folder: Path, database: str, plans: list[Plan]) -> tuple[int, dict[str, int]]:
    """Crash by each plan while batches come in, then let it read on; batches sent, and how many each reader took."""
    async with centre(folder, database) as rig:
        readers = Readers(rig)
        await readers.begin(plans[0])
        async with gateway_of(rig) as gateway:
            sender = Sender(gateway)
            sending = asyncio.create_task(sender.run())
            for plan in [*plans[1:], Plan("nobody", "never", way=plans[0].way)]:
                await readers.crash()
                readers.again(plan)
            sender.end()
            await sending
        found = await settled(rig)
        readers.process.kill()
        story.tell(crashes=len(plans), batches=sender.acknowledged, **found)
        return sender.acknowledged, found


async def settled(rig: Rig) -> dict[str, int]:
    """What each reader has taken, once all have taken everything."""
    head = "SELECT max(position) FROM batch"
    names = ", ".join(f"'{name}'" for name in READERS)  # the pictures' reader leaves nothing of these events
    behind = f"SELECT count(*) FROM cursor WHERE position = ({head}) AND reader IN ({names})"
    await until(lambda: rig.centre_query(behind)[0][0] == len(READERS), 30.0)
    (counted,) = rig.centre_query(_COUNTED) or [(0,)]
    return {"counting": counted[0], **left(rig)}


async def test_each_record_has_its_effect_once(story: Story, tmp_path: Path, database: str) -> None:
    sent, found = await crashed(story, tmp_path, database, drawn(story, CRASHES))
    assert found == dict.fromkeys(READERS, sent)


@pytest.mark.parametrize(("way", "point"), [("first", "cursor"), ("last", "effect")])
async def test_control_a_cursor_in_another_transaction_is_seen(
    story: Story, tmp_path: Path, way: str, point: str
) -> None:
    """The positive control: moved first, what the crash left undone is never done; moved last, it is done twice."""
    sent, found = await crashed(story, tmp_path, "", [Plan("counting", point, 1, way)])
    assert found["counting"] < sent if way == "first" else found["counting"] > sent
    assert {reader: found[reader] for reader in LEFT_BY} == dict.fromkeys(LEFT_BY, sent), "the others are whole"
