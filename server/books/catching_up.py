"""Charges that were entered before there was a ledger get their journals, once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.books.charge_journals import journal_of
from server.books.ledger import post
from server.cells import moves
from server.store.engine import Database
from server.store.schema import charge
from server.store.zones import zone_of

AT_ONCE = 500
_UNBOOKED = (charge.c.journal.is_(None), charge.c.change_fen != 0)


async def catch_up(db: Database, now: datetime) -> int:
    """Book the journals of charges that have none, oldest first, some hundreds in a transaction; how many they were.

    Whatever is interrupted goes on where it was; what is booked is not booked again.
    """
    async with db.read() as connection:
        away = await moves.away(connection)  # nobody writes for those
        waiting = (await connection.execute(select(charge.c.complex).where(*_UNBOOKED).distinct())).scalars().all()
    count = 0
    for complex_id in (one for one in waiting if one not in away):
        while some := await _some(db, complex_id, now):
            count += some
    return count


async def _some(db: Database, complex_id: str, now: datetime) -> int:
    async with db.write(complex_id) as connection:
        zone = await zone_of(connection, complex_id)
        query = select(charge).where(charge.c.complex == complex_id, *_UNBOOKED)
        rows = (await connection.execute(query.order_by(charge.c.number).limit(AT_ONCE))).mappings().all()
        for row in rows:
            entry = {**row, "journal": await _before(connection, row["session"], row["revision"], complex_id)}
            (booked,) = await post(connection, complex_id, [journal_of(entry, zone)], now)
            where = charge.c.number == row["number"]
            await connection.execute(update(charge).where(where).values(journal=booked.number))
        return len(rows)


async def _before(connection: AsyncConnection, session: str, revision: int, complex_id: str) -> int | None:
    """The journal of the session's entry before, which this one corrects."""
    earlier = (charge.c.complex == complex_id, charge.c.session == session, charge.c.revision < revision)
    return (await connection.execute(select(func.max(charge.c.journal)).where(*earlier))).scalar_one()
