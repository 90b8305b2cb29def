"""In which time zone a complex lives: its business day begins at its own midnight."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.bulk import look_up
from server.store.schema import complex_

_ZONES = "SELECT complex.id, complex.timezone FROM wanted CROSS JOIN complex WHERE complex.id = wanted.id"


async def zones(connection: AsyncConnection, complexes: Sequence[str]) -> dict[str, ZoneInfo]:
    """The zone of each complex that there is."""
    rows = await look_up(connection, {"id": "varchar"}, [(one,) for one in complexes], _ZONES)
    return {complex_id: ZoneInfo(name) for complex_id, name in rows}


async def zone_of(connection: AsyncConnection, complex_id: str) -> ZoneInfo:
    """The zone of a complex that there is."""
    query = select(complex_.c.timezone).where(complex_.c.id == complex_id)
    return ZoneInfo((await connection.execute(query)).scalar_one())


async def day_of(connection: AsyncConnection, complex_id: str, time: datetime) -> date:
    """A complex's own day at a moment."""
    return time.astimezone(await zone_of(connection, complex_id)).date()
