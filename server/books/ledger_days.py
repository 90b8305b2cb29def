"""Days of the ledger that are closed: nothing is booked on them any more, and the chain then is kept with them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import ledger_rows
from server.store.engine import stamp
from server.store.schema import ledger_day
from server.store.upsert import insert
from server.store.zones import day_of


class DayNotOver(Exception):
    """A day is locked once it is over at its complex."""


async def lock(connection: AsyncConnection, complex_id: str, day: date, by: str, now: datetime) -> tuple[int, str]:
    """Lock a day; the end of the chain at that moment. Twice is once. There is no way back. Raises DayNotOver."""
    today = await day_of(connection, complex_id, now)
    if day >= today:
        raise DayNotOver(f"{day} is not over at {complex_id}: there it is {today}")
    number, last = await ledger_rows.head(connection, complex_id)
    row = {"complex": complex_id, "day": day.isoformat(), "locked_at": stamp(now), "locked_by": by}
    row |= {"number": number, "hash": last}
    await connection.execute(insert(ledger_day).values(**row).on_conflict_do_nothing())
    return number, last
