"""Passes of cars by when they end, as a page shows them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.resident_tables import household, vehicle_pass
from server.store.schema import complex_
from server.store.scope import Scope, within

What = Literal["soon", "over", "all"]
SOON, LATELY = timedelta(days=30), timedelta(days=90)
MOST_SHOWN = 300


class PassLine(msgspec.Struct, frozen=True):
    """A pass, whose it is, and where."""

    id: str
    complex: str
    complex_name: str
    household: str
    building: str
    unit: str
    room: str
    plate: str
    from_day: str | None
    until_day: str
    night_from: str | None
    place: str | None

    @property
    def home(self) -> str:
        return "-".join(part for part in (self.building, self.unit, self.room) if part)

    def days_left(self, today: date) -> int:
        """Below 0: it is over for so many days."""
        return (date.fromisoformat(self.until_day) - today).days


async def passes(
    connection: AsyncConnection,
    scope: Scope,
    complex_id: str,
    what: What,
    today: date,
    limit: int = MOST_SHOWN + 1,
) -> list[PassLine]:
    """Those nobody ended by hand, the first to end first: of the next days, of the last months, or all to come."""
    table, own = vehicle_pass, household
    columns: list[Any] = [table.c[name] for name in ("id", "complex", "household", "plate", "from_day", "until_day")]
    columns += [table.c.night_from, table.c.place, own.c.building, own.c.unit, own.c.room]
    query = select(*columns, complex_.c.name.label("complex_name"))
    query = query.join(own, own.c.id == table.c.household).join(complex_, complex_.c.id == table.c.complex)
    query = query.where(table.c.ended_at.is_(None), within(table.c.complex, scope))
    if complex_id:
        query = query.where(table.c.complex == complex_id)
    first, last = _days(what, today)
    query = query.where(table.c.until_day >= first, table.c.until_day <= last)
    order = table.c.until_day.desc() if what == "over" else table.c.until_day
    rows = await connection.execute(query.order_by(order, table.c.complex, table.c.id).limit(limit))
    return [msgspec.convert(row, PassLine) for row in rows.mappings()]


def _days(what: What, today: date) -> tuple[str, str]:
    match what:
        case "soon":
            return today.isoformat(), (today + SOON).isoformat()
        case "over":
            return (today - LATELY).isoformat(), (today - timedelta(days=1)).isoformat()
        case "all":
            return today.isoformat(), "9999"
