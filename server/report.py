"""What the centre holds, in numbers: for the operator's command line and for checks that must add up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Select, Table, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.books.charges import total_fen
from server.store.engine import Database
from server.store.reader_rows import waits
from server.store.schema import alert, batch, charge, delivery, gateway, media, refusal, session, set_aside


async def report(db: Database) -> dict[str, Any]:
    """Counts of everything a person would ask for first."""
    async with db.read() as connection:
        held = func.coalesce(func.sum(batch.c.last - batch.c.first + 1), 0)
        events = select(cast(held, BigInteger))  # PostgreSQL's sum of 64 bits is a decimal number
        return {
            "gateways": await _scalar(connection, select(func.count()).select_from(gateway)),
            "events": await _scalar(connection, events),
            "batches": await _scalar(connection, select(func.count()).select_from(batch)),
            "alerts": await _scalar(connection, select(func.count()).select_from(alert)),
            "alerts_by_rule": await _by(connection, alert, "rule"),
            "pictures": await _scalar(connection, select(func.count()).select_from(media)),
            "sessions": await _by(connection, session, "state"),
            "charges": await _scalar(connection, select(func.count(charge.c.session.distinct()))),
            "charged_fen": await total_fen(connection),
            "deliveries": {"sent": 0, "waiting": 0, "parked": 0} | await _by(connection, delivery, "state"),
            "refused": await _by(connection, refusal, "reason"),
            "readers_waiting": [f"{one.reader} {one.shard} {one.position}" for one in await waits(connection)],
            "set_aside": await _by(connection, set_aside, "reader"),
        }


async def _scalar(connection: AsyncConnection, query: Select[Any]) -> int:
    return (await connection.execute(query)).scalar_one()


async def _by(connection: AsyncConnection, table: Table, column: str) -> dict[str, int]:
    named = table.c[column]
    rows = await connection.execute(select(named, func.count()).group_by(named).order_by(named))
    return {row[0]: row[1] for row in rows}
