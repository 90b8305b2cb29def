"""Statements on places, as an operator adds, renames and moves them: areas, complexes, buildings, gates, grid cells."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Column, Table, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.areas import ABOVE, AREA_KINDS, MANAGEMENT, MOST_NAME_SIGNS, is_id
from server.store import area_tree
from server.store.people import by_username
from server.store.place_tables import area, building, complex_, gate, grid_cell

PARTS = {"building": building, "gate": gate}


class NotPossible(ValueError):
    """A place that cannot be added or changed so; ``reason`` is a stable word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def new_id(kind: str) -> str:
    """For a place whose operator gives it none."""
    return f"{kind}-{secrets.token_hex(5)}"


def checked_name(name: str) -> str:
    if not name or len(name) > MOST_NAME_SIGNS or not name.isprintable():
        raise NotPossible("bad_name", f"a name has 1 to {MOST_NAME_SIGNS} printable signs")
    return name


def _checked_id(identity: str) -> str:
    if not is_id(identity):
        raise NotPossible("bad_id", f"{identity!r} is no id: letters, digits, '.', '_', '-', at most 64")
    return identity


async def add_area(connection: AsyncConnection, identity: str, kind: str, name: str, parent: str | None) -> str:
    """A new area; its id. Raises NotPossible."""
    if kind not in AREA_KINDS:
        raise NotPossible("bad_kind", f"{kind!r} is none of {', '.join(AREA_KINDS)}")
    await _check_parent(connection, kind, parent)
    row = {"id": _checked_id(identity or new_id(kind)), "kind": kind, "name": checked_name(name), "parent": parent}
    await _insert(connection, area, row)
    await area_tree.settle(connection)
    return row["id"] or ""


async def _check_parent(connection: AsyncConnection, kind: str, parent: str | None) -> None:
    """Raises NotPossible unless an area of this kind may lie there."""
    wanted = ABOVE[kind]
    found = None
    if parent is not None:
        found = (await connection.execute(select(area.c.kind).where(area.c.id == parent))).scalar()
    if found != wanted or (parent is None) != (wanted is None):
        raise NotPossible(
            "bad_parent", f"a {kind} lies in {wanted or 'nothing'}, not in {found or parent or 'nothing'}"
        )


async def move_area(connection: AsyncConnection, identity: str, parent: str) -> None:
    """To another area of the same kind as it lay in. Raises NotPossible."""
    kind = (await connection.execute(select(area.c.kind).where(area.c.id == identity))).scalar()
    if kind is None:
        raise NotPossible("not_there", f"there is no area {identity!r}")
    await _check_parent(connection, kind, parent or None)
    await connection.execute(update(area).where(area.c.id == identity).values(parent=parent or None))
    await area_tree.settle(connection)


async def rename(connection: AsyncConnection, table: Table, identity: str, name: str) -> None:
    """Raises NotPossible: bad_name, or name_taken by a neighbour."""
    await _update(connection, table.c.id == identity, table, {"name": checked_name(name)})


async def move_complex(connection: AsyncConnection, identity: str, community: str | None) -> None:
    """Into a community, out of its grid cell, which is of the old one. Raises NotPossible."""
    await check_community(connection, community)
    await _update(connection, complex_.c.id == identity, complex_, {"area": community, "grid_cell": None})
    await _update(connection, building.c.complex == identity, building, {"grid_cell": None})


async def check_community(connection: AsyncConnection, community: str | None) -> None:
    kind = (await connection.execute(select(area.c.kind).where(area.c.id == community))).scalar()
    if community is not None and kind != "community":
        raise NotPossible("bad_parent", f"{community!r} is no community")


async def describe_complex(
    connection: AsyncConnection, identity: str, management: str | None, address: str | None, cell: str | None
) -> None:
    """How a complex is kept, where it is, and who looks after it. Raises NotPossible."""
    if management is not None and management not in MANAGEMENT:
        raise NotPossible("bad_management", f"{management!r} is none of {', '.join(MANAGEMENT)}")
    await _check_cell(connection, identity, cell)
    values = {"management": management, "address": address, "grid_cell": cell}
    await _update(connection, complex_.c.id == identity, complex_, values)


async def _check_cell(connection: AsyncConnection, complex_id: str, cell: str | None) -> None:
    """A cell of the complex's own community, or none."""
    if cell is None:
        return
    same = (grid_cell.c.id == cell, complex_.c.id == complex_id, complex_.c.area == grid_cell.c.area)
    if (await connection.execute(select(grid_cell.c.id).where(*same))).first() is None:
        raise NotPossible("bad_cell", f"the grid cell {cell!r} is not of the community of {complex_id!r}")


async def add_part(connection: AsyncConnection, kind: str, complex_id: str, name: str) -> str:
    """A building or a gate; its id. Raises NotPossible."""
    row = {"id": new_id(kind), "complex": complex_id, "name": checked_name(name)}
    await _insert(connection, PARTS[kind], row)
    return row["id"]


async def give_building(connection: AsyncConnection, complex_id: str, identity: str, cell: str | None) -> None:
    """A building to a grid cell of its own; None: its complex's. Raises NotPossible."""
    await _check_cell(connection, complex_id, cell)
    await _update(connection, building.c.id == identity, building, {"grid_cell": cell})


async def add_cell(connection: AsyncConnection, identity: str, community: str, name: str) -> str:
    """A grid cell of a community; its id. Raises NotPossible."""
    await check_community(connection, community)
    row = {"id": _checked_id(identity or new_id("grid")), "area": community, "name": checked_name(name)}
    await _insert(connection, grid_cell, row)
    return row["id"]


async def staff_cell(
    connection: AsyncConnection, identity: str, name: str, worker: str | None, phone: str | None, username: str | None
) -> None:
    """A cell's name, and who looks after it. Raises NotPossible."""
    account = await by_username(connection, username) if username else None
    if username and account is None:
        raise NotPossible("bad_account", f"there is no account {username!r}")
    values = {"name": checked_name(name), "worker": worker, "phone": phone, "account": account.id if account else None}
    await _update(connection, grid_cell.c.id == identity, grid_cell, values)


async def _insert(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> None:
    try:
        async with connection.begin_nested():
            await connection.execute(table.insert().values(**row))
    except IntegrityError as error:
        raise NotPossible("taken", "its id, or its name here, is taken") from error


async def _update(connection: AsyncConnection, which: Any, table: Table, values: dict[str, Any]) -> None:
    try:
        async with connection.begin_nested():
            await connection.execute(update(table).where(which).values(**values))
    except IntegrityError as error:
        raise NotPossible("taken", "that name is taken here") from error


async def is_there(connection: AsyncConnection, column: Column[Any], value: str) -> bool:
    return (await connection.execute(select(column).where(column == value))).first() is not None
