"""A complex moves to another cell: everything of it, once, however often the move is broken off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.cells import Whereabouts
from domain.events import encode_event
from domain.ids import content_name
from domain.wire import pack
from server import corrections
from server.books.charges import Charges
from server.books.keeping import Keeper
from server.books.repricing import repricing
from server.care import carer
from server.cells import rows
from server.cells.arrive import Announced, NotNow
from server.cells.catalogue import travellers
from server.cells.depart import Departure, NotMoved
from server.config import Webhook
from server.configured import cell_settings, no_entries
from server.store import schema
from server.store.failures import ComplexMoved
from server.store.schema import account, alert, alert_action, charge, complex_move, delivery, refusal, session
from tests.server.centre import Centre, Gateway
from tests.server.engines import POSTGRES, SQLITE, Engine, chosen
from tests.server.two_cells import WEST, a_stay, departure, far, fill, move, two_cells

FEED = Webhook("office", "http://127.0.0.1:1/nobody", kinds=["plate"])
STEPS = ("begin", "ahead", "close", "batches", "rows", "verify", "open", "leave", "directory")
PAIRS = [(SQLITE, POSTGRES), (POSTGRES, SQLITE)] if len(chosen()) > 1 else [(chosen()[0], chosen()[0])]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
async def cells(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Centre, Centre]]:
    """Nothing happens there of itself, however long the machine takes."""
    pair: tuple[Engine, Engine] = request.param
    for work in (carer, corrections):
        monkeypatch.setattr(work, "LOOK_EVERY_S", 3_600.0)
    async with two_cells(tmp_path, pair, webhooks=[FEED]) as both:
        yield both


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[tuple[Centre, Centre]]:
    """Where no engine matters."""
    async with two_cells(tmp_path, (chosen()[0], chosen()[0])) as both:
        yield both


class Killed(Exception):
    """As a kill -9 at this step would."""


def dies_at(step: str) -> Callable[[str], None]:
    def tell(name: str) -> None:
        if name == step:
            raise Killed(step)

    return tell


async def digests(of: Centre, cell: str = "") -> dict[str, rows.Digest]:
    async with of.house.db.read() as connection:
        return await rows.digests(connection, "garden", cell)


async def test_all_of_a_complex_moves_however_often_it_is_broken_off(cells: tuple[Centre, Centre]) -> None:
    east, west = cells
    gateway = await fill(east)
    await _booked(east)  # what it would book of itself meanwhile
    before = await digests(east, "east")
    empty = [one.name for one in travellers() if not before[one.name][0]]
    assert empty == [], "a table that nothing is in proves nothing"
    told: list[Whereabouts] = []
    for step in STEPS:
        with pytest.raises(Killed):
            await move(east, west, dies_at(step), told=told)
    moved = await move(east, west, told=told)
    assert (moved.version, told[-1]) == (2, Whereabouts(WEST.url, "", 2))
    assert await digests(west) == await digests(east, "east") == before
    assert await west.house.media.get(content_name(b"\xff\xd8\xff\xe0 a picture"))
    ((action,), people) = await west.rows(alert_action), {row["id"]: row for row in await west.rows(account)}
    assert people[action["account"]]["username"] == "wang@east"
    assert await _amounts(west) == await _amounts(east) != []
    await _goes_on(east, west, gateway)


async def _booked(of: Centre) -> None:
    book = Charges(of.house.lots, of.house.now, no_entries(of.house.config))
    await Keeper(of.house.db, of.house.now, [repricing(book)]).look()


async def _amounts(of: Centre) -> list[tuple[Any, ...]]:
    return sorted((row["session"], row["revision"], row["amount_fen"]) for row in await of.rows(charge))


async def _goes_on(east: Centre, west: Centre, gateway: Gateway) -> None:
    """The old cell says where; the new one goes on at the mark, sends what is new to its feeds, and nothing again."""
    packed = pack(gateway.id, "money", "e1", gateway.head("money") + 1, [encode_event(event) for event in a_stay(9)])
    refused = await gateway.post(packed, token=gateway.token(claim=1))
    assert (refused.status_code, refused.json()["error"], refused.json()["url"]) == (421, "moved", WEST.url)
    charged, queued = len(await _amounts(west)), len(await west.rows(delivery))
    gateway.client = west.client
    answer = await gateway.post(packed)
    assert (answer.status_code, answer.json()["outcome"]) == (200, "stored"), answer.text
    assert (await gateway.post(packed)).json()["outcome"] == "known"
    await west.settled()
    states = [row["state"] for row in await west.rows(delivery)]
    assert (states.count("waiting"), len(states)) == (2, queued + 2)
    assert {row["id"] for row in await west.rows(delivery)} > {row["id"] for row in await east.rows(delivery)}
    assert len(await _amounts(west)) == charged + 1


async def test_nothing_of_it_changes_at_the_old_cell_and_then_it_is_let_go(cells: tuple[Centre, Centre]) -> None:
    east, west = cells
    gateway = await fill(east)
    await _remove_by_age(east, west)
    db = east.house.db
    with pytest.raises(ComplexMoved):
        async with db.write() as connection:
            await connection.execute(alert_action.update().values(note="later"))
    with pytest.raises(NotMoved, match="office still has something"):
        await departure(east).let_go("garden")
    async with db.write() as connection:
        await connection.execute(delivery.update().values(state="sent", body=None))
    await departure(east).let_go("garden")
    left = {table: count for table, (count, _) in (await digests(east)).items() if count}
    assert left == {"gateway": 1, "complex": 1}
    assert (await gateway.client.get("/v1/hello", headers=gateway.headers(gateway.token(claim=2)))).status_code == 421
    assert (await digests(west))["alert"][0] > 0


async def _remove_by_age(east: Centre, west: Centre) -> None:
    """While it moves, what removes rows of every complex passes over this one's; afterwards it takes them too."""
    other = {"gateway": "gw-of-another", "received_at": "2026-03-01", "reason": "r", "detail": "", "body": b""}
    async with east.house.db.write() as connection:
        await connection.execute(refusal.insert().values(**other))
    with pytest.raises(Killed):
        await move(east, west, dies_at("rows"))
    async with east.house.db.write() as connection:
        await connection.execute(refusal.delete())
    left = await east.rows(refusal)
    assert left and "gw-of-another" not in {row["gateway"] for row in left}
    await move(east, west)
    async with east.house.db.write() as connection:
        await connection.execute(refusal.delete())
    assert (await east.rows(refusal), len(await west.rows(refusal))) == ([], len(left))


async def test_a_move_is_taken_back_and_made_again(small: tuple[Centre, Centre]) -> None:
    east, west = small
    gateway = await fill(east)
    with pytest.raises(Killed):
        await move(east, west, dies_at("verify"))
    batch = pack(gateway.id, "money", "e1", gateway.head("money") + 1, [encode_event(event) for event in a_stay(9)])
    for client in (east.client, west.client):
        gateway.client = client
        refused = await gateway.post(batch, gateway.token(claim=3))
        assert (refused.status_code, refused.json()["error"]) == (503, "moving")
    await departure(east).back(far(west), "garden")
    gateway.client = east.client
    assert (await gateway.post(batch)).status_code == 200
    await east.settled()
    moved = await move(east, west)
    assert moved.version == 3
    assert await digests(west) == await digests(east, "east")
    with pytest.raises(NotMoved):
        await departure(east).back(far(west), "garden")


class MarksFirst(Departure):
    """Rows, marks among them, before the batches; the old cell goes on taking; nothing is compared."""

    async def _copy(self, far: Any, to: Any, version: int, complex_id: str, tell: Callable[[str], None]) -> None:
        await self._copy_batches(far, complex_id)
        tell("between")
        await self._copy_rows(far, complex_id)


async def test_a_move_that_lets_the_old_cell_go_on_is_seen_to_lose(small: tuple[Centre, Centre]) -> None:
    east, west = small
    gateway = await fill(east)
    late = pack(gateway.id, "money", "e1", gateway.head("money") + 1, [encode_event(event) for event in a_stay(9)])

    class WithLoad(MarksFirst):
        async def _copy_rows(self, far: Any, complex_id: str) -> None:
            assert (await gateway.post(late)).status_code == 200
            await super()._copy_rows(far, complex_id)

    said = cell_settings(east.house.folder, east.house.config)["garden"]
    await far(west).begin(Announced(2, said))
    await departure(east, WithLoad)._copy(far(west), WEST, 2, "garden", lambda _: None)
    here, there = await digests(east, "east"), await digests(west)
    assert here["mark"] == there["mark"], "the mark says that all is there"
    assert here["batch"][0] == there["batch"][0] + 1, "and what came meanwhile is not"
    with pytest.raises(NotMoved, match="batch: "):
        await departure(east)._verify(far(west), "garden")


async def test_who_may_bring_a_complex_and_which(small: tuple[Centre, Centre]) -> None:
    east, west = small
    await fill(east)
    with pytest.raises(NotNow, match="secret"):
        await far(west, secret="another").standing()  # pragma: allowlist secret
    west_settings = msgspec.structs.replace(west.house.config.complexes[0], timezone="Asia/Urumqi")
    west.house.config.complexes[0] = west_settings
    with pytest.raises(NotNow, match="timezone"):
        await move(east, west)
    west.house.config.complexes.clear()
    with pytest.raises(NotNow, match="has no complex garden"):
        await move(east, west)
    assert await east.rows(complex_move) == []


def test_every_table_is_said_to_travel_or_to_stay() -> None:
    """A new table without complex, gateway or alert needs a word in the catalogue; one that numbers its rows and is
    referred to by that number needs more than the catalogue can do."""
    for traveller in travellers():
        for column in traveller.columns:
            for key in column.foreign_keys:
                target = key.column.table
                numbered = target.autoincrement_column is key.column
                assert not numbered or target is schema.account, f"{traveller.name}.{column.name} names a number"
    assert {one.name for one in travellers()} >= {alert.name, session.name, charge.name}
