"""The law of every fold: a log taken in one piece, in many small ones, or anyhow, leaves the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.places import Hours, Place
from domain.tariff import read_tariff
from server.batches import Batch
from server.books.charges import Charges, LotTariff
from server.books.lots import Lots
from server.projections import doors
from server.projections.alerts import Alerts
from server.projections.conservation import Conservation
from server.projections.doors import Doors
from server.projections.orders import OrderResults
from server.projections.parking import Parking
from server.rebuild import fingerprint
from server.shard_reader import Fold
from server.store.schema import charge, charge_passage, charge_session, complex_, live
from tests.server.engines import Engine, open_database
from tests.server.mixed import COMPLEXES, START, records

PLACES = {name: Place(quiet=(Hours(0, 24 * 60),)) for name in COMPLEXES}
TARIFF = read_tariff(
    msgspec.json.decode(
        b"""{"timezone": "Asia/Shanghai", "plans": {"small": {
        "charge": {"kind": "unit", "unit_min": 10, "fen": 200, "rounding": "ceil"}}}}"""
    )
)
PROJECTIONS: Mapping[str, Callable[[], Any]] = {
    "alerts": lambda: Alerts(PLACES, lambda: START),
    "doors": Doors,
    "parking": Parking,
    "conservation": lambda: Conservation(PLACES),
    "orders": OrderResults,
}


def pieces(batches: list[Batch], most: int, chance: random.Random) -> list[list[Batch]]:
    found: list[list[Batch]] = []
    while batches:
        size = chance.randint(1, most)
        found.append(batches[:size])
        batches = batches[size:]
    return found


async def folded(
    tmp_path: Path, engine: Engine, fold: Fold, seed: int, most: int, tables: Sequence[Table]
) -> tuple[str, Any]:
    """The hash of the tables after a log taken in pieces of at most so many batches; and what the book adds up to."""
    folder = tmp_path / f"{seed}-{most}"
    folder.mkdir(exist_ok=True)
    batches = [Batch(record) for record in records(seed)]
    async with open_database(folder, engine) as db:
        async with db.write() as connection:
            places = [{"id": one, "name": one, "timezone": "Asia/Shanghai"} for one in COMPLEXES]
            await connection.execute(complex_.insert(), places)
        for piece in pieces(batches, most, random.Random(seed)):
            async with db.write() as connection:
                await fold.fold(connection, piece)
        async with db.read() as connection:
            return await fingerprint(connection, tables), await _owed(connection)


async def _owed(connection: AsyncConnection) -> list[tuple[Any, ...]]:
    """What each session costs now; how it came to that depends on when the book was told."""
    query = select(charge.c.complex, charge.c.session, func.sum(charge.c.change_fen)).group_by(
        charge.c.complex, charge.c.session
    )
    return sorted(tuple(row) for row in await connection.execute(query) if row[2])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PROJECTIONS)
async def test_pieces_of_any_size_leave_the_same_rows(tmp_path: Path, engine: Engine, name: str, seed: int) -> None:
    made = PROJECTIONS[name]
    found = {(await folded(tmp_path, engine, made(), seed, most, made().tables))[0] for most in (1, 5, 1_000)}
    assert len(found) == 1
    assert found != {await nothing(tmp_path, engine, made().tables)}


async def nothing(tmp_path: Path, engine: Engine, tables: Sequence[Table]) -> str:
    (tmp_path / "empty").mkdir()
    async with open_database(tmp_path / "empty", engine) as db, db.read() as connection:
        return await fingerprint(connection, tables)


@pytest.mark.parametrize("seed", range(3))
async def test_the_book_comes_to_the_same_however_it_was_told(tmp_path: Path, engine: Engine, seed: int) -> None:
    tariffs = dict.fromkeys(COMPLEXES, LotTariff(TARIFF, "small"))
    tables = (charge_passage, charge_session)
    told = [
        await folded(tmp_path, engine, Charges(Lots(lambda: tariffs), lambda: START), seed, most, tables)
        for most in (1, 5, 99)
    ]
    assert told[0] == told[1] == told[2]
    assert told[0][1], "something was charged"


async def test_screens_hear_of_the_same_alerts_in_the_same_order(tmp_path: Path, engine: Engine) -> None:
    heard = {(await folded(tmp_path, engine, PROJECTIONS["alerts"](), 1, most, (live,)))[0] for most in (1, 1_000)}
    assert len(heard) == 1


async def test_control_a_fold_that_forgets_what_it_counted_is_seen(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: in one piece a fact told twice counts once, in many it then counts twice."""

    async def forgets(connection: AsyncConnection, columns: dict[str, str], keys: Any, sql: str) -> list[Any]:
        return [] if "id" in columns else await look_up(connection, columns, keys, sql)

    async def adds(connection: AsyncConnection, table: Table, *rest: Any) -> None:
        """Without its own key the table would refuse what comes twice, and say so."""

    look_up = doors.look_up
    monkeypatch.setattr(doors, "look_up", forgets)
    monkeypatch.setattr(doors, "insert", adds)
    found = {(await folded(tmp_path, engine, Doors(), 0, most, (doors.door,)))[0] for most in (1, 1_000)}
    assert len(found) == 2
