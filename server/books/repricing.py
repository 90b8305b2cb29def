"""Passes whose terms are new to the book: the stays that they cover are priced again, and cost less or the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, update

from server.books.charges import Charges
from server.cells import moves
from server.store import pass_rows
from server.store.engine import Database, stamp, unstamp
from server.store.schema import vehicle_pass
from server.store.zones import zone_of

AT_ONCE = 200
_OLD = vehicle_pass.c
# What of a pass makes stays of the past cost otherwise. The migration writes the same of passes that were there before.
TERMS: Any = (
    func.coalesce(_OLD.from_day, "")
    .concat("/")
    .concat(_OLD.until_day)
    .concat("/")
    .concat(func.coalesce(_OLD.place, ""))
    .concat("/")
    .concat(func.coalesce(_OLD.night_from, ""))
    .concat("-")
    .concat(func.coalesce(_OLD.night_to, ""))
)
_IS_NEW = or_(_OLD.priced_terms.is_(None), _OLD.priced_terms != TERMS)


def repricing(book: Charges) -> Callable[[Database, datetime], Awaitable[int]]:
    """A round of the keeper: how many passes were looked at."""

    async def look(db: Database, now: datetime) -> int:
        async with db.read() as connection:
            away = await moves.away(connection)
            waiting = (await connection.execute(select(_OLD.complex).where(_IS_NEW).distinct())).scalars().all()
        return sum([await _reprice(db, book, one) for one in waiting if one not in away])

    return look


async def _reprice(db: Database, book: Charges, complex_id: str) -> int:
    """Some passes of a complex; the others at the next look."""
    async with db.write(complex_id) as connection:
        zone = await zone_of(connection, complex_id)
        rows = await connection.execute(_some(complex_id))
        passes = rows.mappings().all()
        for row in passes:
            stays = await pass_rows.stays_since(connection, complex_id, row["canonical"], stamp(_since(row, zone)))
            await book.lessen(connection, stays)
            same = (_OLD.complex == complex_id, _OLD.id == row["id"])
            await connection.execute(update(vehicle_pass).where(*same).values(priced_terms=row["terms"]))
    return len(passes)


def _some(complex_id: str) -> Any:
    query = select(*vehicle_pass.columns, TERMS.label("terms")).where(_OLD.complex == complex_id, _IS_NEW)
    return query.order_by(_OLD.id).limit(AT_ONCE)


def _since(row: Any, zone: ZoneInfo) -> datetime:
    """From when on it may cover a stay: what says no day says: since it was made."""
    first = row["from_day"]
    return datetime.combine(date.fromisoformat(first), time(), zone) if first else unstamp(row["made_at"])
