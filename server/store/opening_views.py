"""Openings by hand as pages show them: who, why, where, and the picture of the car that passed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.passages import Passage
from server.store import parking_views
from server.store.engine import stamp
from server.store.parking_tables import lane_opening, passage_correction
from server.store.schema import complex_, parking_passage
from server.store.scope import Scope, within

_decode = msgspec.json.Decoder(Passage).decode
_BEFORE, _AFTER = timedelta(minutes=3), timedelta(minutes=1)  # a car waits, is let through, and is read again
_MOST = 20_000


class Opening(msgspec.Struct, frozen=True):
    """One opening by a person; ``done`` is 0 where it could not be sent."""

    complex: str
    complex_name: str | None
    timezone: str | None
    id: bytes
    occurred_at: datetime
    lane: str
    direction: str
    by: str
    reason: str
    done: int


class Period(msgspec.Struct, frozen=True):
    """``[since, until)`` as the tables keep times; ``complex`` empty: all that someone sees."""

    since: str
    until: str
    complex: str = ""


async def openings(
    connection: AsyncConnection, scope: Scope, period: Period, limit: int = _MOST, by: str | None = None
) -> list[Opening]:
    """The latest first."""
    columns = (*lane_opening.columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = select(*columns).outerjoin(complex_, complex_.c.id == lane_opening.c.complex)
    query = _within(query, lane_opening, lane_opening.c.occurred_at, scope, period)
    query = query if by is None else query.where(lane_opening.c.by == by)
    rows = await connection.execute(query.order_by(lane_opening.c.occurred_at.desc()).limit(limit))
    return [msgspec.convert({str(name): value for name, value in row.items()}, Opening) for row in rows.mappings()]


async def passages(connection: AsyncConnection, scope: Scope, period: Period) -> int:
    """How many cars passed."""
    table = parking_passage
    query = _within(select(func.count()).select_from(table), table, table.c.occurred_at, scope, period)
    return (await connection.execute(query)).scalar_one()


async def corrections(connection: AsyncConnection, scope: Scope, period: Period) -> list[tuple[str, str, int]]:
    """By whom which corrections were made, and how many: what lets a car out for less shows here."""
    table = passage_correction
    query = _within(select(table.c.by, table.c.what, func.count().label("many")), table, table.c.at, scope, period)
    query = query.group_by(table.c.by, table.c.what).order_by(table.c.by, table.c.what)
    rows = (await connection.execute(query)).mappings()
    return [(row["by"], row["what"], row["many"]) for row in rows]


def _within(query: Any, table: Any, at: Any, scope: Scope, period: Period) -> Any:
    query = query.where(within(table.c.complex, scope), at >= period.since, at < period.until)
    return query.where(table.c.complex == period.complex) if period.complex else query


async def picture(connection: AsyncConnection, opening: Opening) -> str | None:
    """The nearest picture of a car in this lane; None where none was read, or its picture has not come."""
    table, at = parking_passage, opening.occurred_at
    span = (table.c.occurred_at >= stamp(at - _BEFORE), table.c.occurred_at <= stamp(at + _AFTER))
    rows = await connection.execute(select(table.c.passage).where(table.c.complex == opening.complex, *span).limit(50))
    found = [one for row in rows if (one := _decode(row.passage)).lane == opening.lane and one.picture]
    nearest = min(found, key=lambda one: (abs(one.occurred_at - at), one.id), default=None)
    name = nearest.picture if nearest else None
    return name if name and await parking_views.pictures_here(connection, opening.complex, [name]) else None
