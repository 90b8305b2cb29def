"""Days of streams that did not add up: seen, and cleared when they do again. For each an alert was raised, once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.schema import conservation_finding as finding
from server.store.upsert import insert

Key = tuple[str, int]  # stream, day
Differences = Mapping[str, int]


async def known(connection: AsyncConnection, gateway: str) -> set[Key]:
    """Every day of a stream that was ever found."""
    rows = await connection.execute(select(finding.c.stream, finding.c.day).where(finding.c.gateway == gateway))
    return {(row.stream, row.day) for row in rows}


async def keep(
    connection: AsyncConnection, gateway: str, broken: Mapping[Key, Differences], since: int, at: datetime
) -> None:
    """What is broken now; of the days from ``since`` on, what was found before and is not broken is cleared."""
    now = stamp(at)
    old = update(finding).where(finding.c.gateway == gateway, finding.c.day >= since, finding.c.cleared_at.is_(None))
    await connection.execute(old.values(cleared_at=now))
    rows: list[dict[str, Any]] = [
        {"gateway": gateway, "stream": stream, "day": day, "differences": dict(differences), "found_at": now}
        for (stream, day), differences in broken.items()
    ]
    if rows:
        into = insert(finding)
        changed = {"differences": into.excluded.differences, "seen_at": now, "cleared_at": None}
        again = into.on_conflict_do_update(index_elements=["gateway", "stream", "day"], set_=changed)
        await connection.execute(again, [row | {"seen_at": now, "cleared_at": None} for row in rows])


async def broken_days(connection: AsyncConnection, gateways: Collection[str]) -> dict[str, int]:
    """How many days of streams do not add up now, by gateway; only those that have any."""
    query = select(finding.c.gateway, func.count()).where(finding.c.gateway.in_(gateways))
    rows = await connection.execute(query.where(finding.c.cleared_at.is_(None)).group_by(finding.c.gateway))
    return {row[0]: row[1] for row in rows}
