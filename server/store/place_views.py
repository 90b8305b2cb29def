"""What pages show of complexes and their doors, within the asking person's scope."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.place_tables import area_within
from server.store.schema import complex_, door
from server.store.scope import Scope, within

MOST_DOORS = 2_000


class ComplexView(msgspec.Struct, frozen=True):
    """A complex, as a choice in a filter."""

    id: str
    name: str
    timezone: str


class DoorView(msgspec.Struct, frozen=True):
    """A door: its last state, its last access, and how many were let in or not."""

    complex: str
    complex_name: str | None
    timezone: str | None
    device: str
    point: str
    place: str | None
    state: str | None
    state_at: datetime | None
    last_result: str | None
    last_method: str | None
    last_access_at: datetime | None
    granted: int
    denied: int


def complexes_below(area_id: str) -> Select[tuple[str]]:
    """The complexes of an area and of all areas in it; of "-": those that lie nowhere yet."""
    if area_id == "-":
        return select(complex_.c.id).where(complex_.c.area.is_(None))
    query = select(complex_.c.id).join(area_within, area_within.c.area == complex_.c.area)
    return query.where(area_within.c.upper == area_id)


async def complexes_of(connection: AsyncConnection, scope: Scope) -> list[ComplexView]:
    """The complexes a person may see, by name."""
    query = select(complex_).where(within(complex_.c.id, scope)).order_by(complex_.c.name, complex_.c.id)
    return [msgspec.convert(row, ComplexView) for row in (await connection.execute(query)).mappings()]


async def seen_below(connection: AsyncConnection, scope: Scope, area: str) -> list[ComplexView]:
    """Those of an area and of all that lies in it, as far as a person sees them, by name."""
    query = select(complex_).join(area_within, area_within.c.area == complex_.c.area)
    query = query.where(area_within.c.upper == area, within(complex_.c.id, scope))
    rows = await connection.execute(query.order_by(complex_.c.name, complex_.c.id))
    return [msgspec.convert(row, ComplexView) for row in rows.mappings()]


async def doors(connection: AsyncConnection, scope: Scope, complex_id: str = "") -> list[DoorView]:
    """Doors by complex and place; of one complex where it is named."""
    columns = (*door.columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = select(*columns).outerjoin(complex_, complex_.c.id == door.c.complex)
    query = query.where(within(door.c.complex, scope))
    if complex_id:
        query = query.where(door.c.complex == complex_id)
    order = (complex_.c.name.nulls_first(), door.c.complex, door.c.place.nulls_first(), door.c.device, door.c.point)
    rows = await connection.execute(query.order_by(*order).limit(MOST_DOORS))
    return [msgspec.convert(row, DoorView) for row in rows.mappings()]
