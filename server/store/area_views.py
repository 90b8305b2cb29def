"""What pages show of areas and what is in them: those in the asking person's scope, and those that hold them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.place_tables import account_scope, area, area_within, building, complex_, gate, grid_cell
from server.store.schema import account
from server.store.scope import Scope, within

MOST_COMPLEXES = 5_000


class AreaView(msgspec.Struct, frozen=True):
    """An area; ``complexes`` counts those below it that the person sees."""

    id: str
    kind: str
    name: str
    parent: str | None
    complexes: int = 0


class PlaceView(msgspec.Struct, frozen=True):
    """A complex with where it lies and how it is kept."""

    id: str
    name: str
    timezone: str
    area: str | None
    management: str | None
    address: str | None
    grid_cell: str | None
    cell_name: str | None = None
    worker: str | None = None


class PartView(msgspec.Struct, frozen=True):
    """A building or a gate."""

    id: str
    name: str
    grid_cell: str | None = None
    cell_name: str | None = None


class CellView(msgspec.Struct, frozen=True):
    """A grid cell, who looks after it, and how much is in it."""

    id: str
    area: str
    name: str
    worker: str | None
    phone: str | None
    username: str | None
    complexes: int
    buildings: int


class Watcher(msgspec.Struct, frozen=True):
    """An account that sees an area."""

    username: str
    role: str


def _seen_areas(scope: Scope) -> ColumnElement[bool]:
    """Areas that lie in the scope, and areas that hold something of it."""
    if scope.is_city:
        return true()
    below = select(area_within.c.area).where(area_within.c.upper.in_(sorted(scope.areas)))
    held = select(area_within.c.upper).join(complex_, complex_.c.area == area_within.c.area)
    over = select(area_within.c.upper).where(area_within.c.area.in_(sorted(scope.areas)))
    holding = held.where(within(complex_.c.id, scope))
    return or_(area.c.id.in_(below), area.c.id.in_(holding), area.c.id.in_(over))


def is_inside(scope: Scope) -> ColumnElement[bool]:
    """Areas that lie wholly in the scope: what is in them may be changed by who has it."""
    if scope.is_city:
        return true()
    return area.c.id.in_(select(area_within.c.area).where(area_within.c.upper.in_(sorted(scope.areas))))


async def areas(connection: AsyncConnection, scope: Scope) -> list[AreaView]:
    counted = (
        select(area_within.c.upper, func.count().label("complexes"))
        .join(complex_, complex_.c.area == area_within.c.area)
        .where(within(complex_.c.id, scope))
        .group_by(area_within.c.upper)
        .subquery()
    )
    query = select(area, func.coalesce(counted.c.complexes, 0).label("complexes"))
    query = query.outerjoin(counted, counted.c.upper == area.c.id).where(_seen_areas(scope))
    rows = await connection.execute(query.order_by(area.c.name, area.c.id))
    return [msgspec.convert(row, AreaView) for row in rows.mappings()]


async def is_area_inside(connection: AsyncConnection, scope: Scope, identity: str) -> bool:
    return (
        await connection.execute(select(area.c.id).where(area.c.id == identity, is_inside(scope)))
    ).first() is not None


def _places(scope: Scope) -> Any:
    query = select(complex_, grid_cell.c.name.label("cell_name"), grid_cell.c.worker)
    query = query.outerjoin(grid_cell, grid_cell.c.id == complex_.c.grid_cell)
    return query.where(within(complex_.c.id, scope))


async def places(connection: AsyncConnection, scope: Scope, community: str | None) -> list[PlaceView]:
    """The complexes of a community; of none: those that lie nowhere yet."""
    query = _places(scope).where(complex_.c.area == community if community else complex_.c.area.is_(None))
    rows = await connection.execute(query.order_by(complex_.c.name, complex_.c.id).limit(MOST_COMPLEXES))
    return [msgspec.convert(row, PlaceView) for row in rows.mappings()]


async def place(connection: AsyncConnection, scope: Scope, identity: str) -> PlaceView | None:
    row = (await connection.execute(_places(scope).where(complex_.c.id == identity))).mappings().first()
    return None if row is None else msgspec.convert(row, PlaceView)


async def buildings(connection: AsyncConnection, complex_id: str) -> list[PartView]:
    query = select(building, grid_cell.c.name.label("cell_name"))
    query = query.outerjoin(grid_cell, grid_cell.c.id == building.c.grid_cell)
    rows = await connection.execute(query.where(building.c.complex == complex_id).order_by(building.c.name))
    return [msgspec.convert(row, PartView) for row in rows.mappings()]


async def gates(connection: AsyncConnection, complex_id: str) -> list[PartView]:
    rows = await connection.execute(select(gate).where(gate.c.complex == complex_id).order_by(gate.c.name))
    return [msgspec.convert(row, PartView) for row in rows.mappings()]


async def part(connection: AsyncConnection, table: Any, complex_id: str, identity: str) -> PartView | None:
    query = select(table).where(table.c.id == identity, table.c.complex == complex_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, PartView)


async def cells(connection: AsyncConnection, community: str) -> list[CellView]:
    """The grid cells of a community. A building without one of its own counts with its complex."""
    counts = (
        select(func.count()).where(table.c.grid_cell == grid_cell.c.id).correlate(grid_cell).scalar_subquery()
        for table in (complex_, building)
    )
    in_complexes, in_buildings = counts
    query = select(
        grid_cell, account.c.username, in_complexes.label("complexes"), in_buildings.label("buildings")
    ).outerjoin(account, account.c.id == grid_cell.c.account)
    rows = await connection.execute(query.where(grid_cell.c.area == community).order_by(grid_cell.c.name))
    return [msgspec.convert(row, CellView) for row in rows.mappings()]


async def above(connection: AsyncConnection, identity: str | None) -> set[str]:
    """An area and all that it lies in."""
    query = select(area_within.c.upper).where(area_within.c.area == identity)
    return set((await connection.execute(query)).scalars())


async def who_sees(
    connection: AsyncConnection, gained: set[str], lost: set[str]
) -> tuple[list[Watcher], list[Watcher]]:
    """Who comes to see, and who no longer sees, what moves out of the areas ``lost`` into the areas ``gained``.

    Whoever sees the whole city sees it before and after.
    """
    city = select(account_scope.c.account).where(account_scope.c.kind == "city")

    def holders(places: set[str]) -> Any:
        held = (account_scope.c.kind == "area", account_scope.c.place.in_(sorted(places)))
        return select(account_scope.c.account).where(*held)

    async def found(having: set[str], lacking: set[str]) -> list[Watcher]:
        query = select(account.c.username, account.c.role).where(account.c.id.in_(holders(having)))
        query = query.where(account.c.id.not_in(holders(lacking)), account.c.id.not_in(city))
        rows = await connection.execute(query.order_by(account.c.username).limit(200))
        return [msgspec.convert(row, Watcher) for row in rows.mappings()]

    return await found(gained, lost), await found(lost, gained)
