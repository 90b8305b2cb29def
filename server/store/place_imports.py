"""A workbook of places against the tables: what is there, what waits for a person's word, and writing it at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Table, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.place_book import Book
from server.place_plan import Change, Known, Plan, Values
from server.store import area_tree
from server.store.place_rows import new_id
from server.store.place_tables import area, building, complex_, gate, grid_cell, place_import
from server.store.schema import account
from server.store.upsert import insert

_COLUMNS = {
    "area": (area, ("id",), ("id", "kind", "name", "parent")),
    "complex": (
        complex_,
        ("id",),
        ("id", "name", "timezone", "area", "management", "address", "grid_cell"),
    ),
    "building": (building, ("complex", "name"), ("complex", "name", "grid_cell")),
    "gate": (gate, ("complex", "name"), ("complex", "name")),
}


async def known(connection: AsyncConnection, fixed: Iterable[str]) -> Known:
    """All places there are; a city's are some ten thousand rows."""
    accounts = {row.username: row.id for row in await connection.execute(select(account.c.username, account.c.id))}
    found = {sheet: await _rows(connection, *columns) for sheet, columns in _COLUMNS.items()}
    cells = select(*(grid_cell.c[name] for name in ("id", "area", "name", "worker", "phone")), account.c.username)
    query = cells.outerjoin(account, account.c.id == grid_cell.c.account)
    found["grid_cell"] = {(row["id"],): _values(row) for row in (await connection.execute(query)).mappings()}
    return Known(found, accounts, frozenset(fixed))


async def _rows(
    connection: AsyncConnection, table: Table, names: tuple[str, ...], columns: tuple[str, ...]
) -> dict[tuple[str, ...], Values]:
    rows = (await connection.execute(select(*(table.c[name] for name in columns)))).mappings()
    return {tuple(row[name] for name in names): _values(row) for row in rows}


def _values(row: Any) -> Values:
    return {str(name): value for name, value in row.items() if value is not None or name == "parent"}


async def keep(connection: AsyncConnection, person: int, book: Book, at: str) -> None:
    """A person's last workbook, in the place of the one before."""
    values = {"account": person, "made_at": at, "rows": msgspec.json.encode(book)}
    statement = insert(place_import).values(**values)
    changed = {"made_at": statement.excluded.made_at, "rows": statement.excluded.rows}
    await connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=changed))


async def kept(connection: AsyncConnection, person: int, since: str) -> Book | None:
    """What a person sent last, unless that was long ago."""
    query = select(place_import.c.rows).where(place_import.c.account == person, place_import.c.made_at >= since)
    found = (await connection.execute(query)).scalar()
    return None if found is None else msgspec.json.decode(found, type=Book)


async def forget(connection: AsyncConnection, person: int) -> None:
    await connection.execute(delete(place_import).where(place_import.c.account == person))


async def write(connection: AsyncConnection, plan: Plan, accounts: dict[str, int]) -> None:
    """All of a plan without faults, in the caller's transaction."""
    by_sheet: dict[str, list[Change]] = {}
    for change in plan.changes:
        if change.action != "same":
            by_sheet.setdefault(change.sheet, []).append(change)
    await _upsert(
        connection, area, ("id",), [_only(change, _COLUMNS["area"][2]) for change in by_sheet.get("area", [])]
    )
    await area_tree.settle(connection)
    await _upsert(connection, grid_cell, ("id",), [_cell(change, accounts) for change in by_sheet.get("grid_cell", [])])
    complexes = by_sheet.get("complex", [])
    await _upsert(connection, complex_, ("id",), [_only(change, _COLUMNS["complex"][2]) for change in complexes])
    await _leave_cells(connection, [change.name[0] for change in complexes if change.moves])
    for key in ("building", "gate"):
        table, names, columns = _COLUMNS[key]
        rows = [{"id": new_id(key), **_only(change, columns)} for change in by_sheet.get(key, [])]
        await _upsert(connection, table, names, rows)


def _only(change: Change, columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: change.values.get(name) for name in columns}


def _cell(change: Change, accounts: dict[str, int]) -> dict[str, Any]:
    row = _only(change, ("id", "area", "name", "worker", "phone"))
    return row | {"account": accounts.get(change.values.get("username") or "")}


async def _leave_cells(connection: AsyncConnection, complexes: list[str]) -> None:
    """Buildings of complexes that moved: their cells are of the community they left."""
    for complex_id in complexes:
        await connection.execute(update(building).where(building.c.complex == complex_id).values(grid_cell=None))


async def _upsert(
    connection: AsyncConnection, table: Table, names: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    if not rows:
        return
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in (*names, "id")}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(names), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    await connection.execute(statement, rows)
