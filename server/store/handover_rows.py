"""Statements on what platforms are owed: offered once, claimed, settled by the far end's verdict, counted by day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feeds.statement import Statement, statement
from server.store.engine import stamp
from server.store.platform_tables import handover
from server.store.upsert import insert

_IS_OPEN = or_(handover.c.state == "sent", handover.c.state == "waiting")


class Settled(NamedTuple):
    """What becomes of a record that was sent."""

    id: bytes
    state: str
    reason: str | None


async def newest(connection: AsyncConnection, platform: str) -> int:
    query = select(func.coalesce(func.max(handover.c.number), 0)).where(handover.c.platform == platform)
    return (await connection.execute(query)).scalar_one()


async def offer(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Each once, whatever comes again."""
    if rows:
        await connection.execute(insert(handover).on_conflict_do_nothing(), rows)


async def waiting(
    connection: AsyncConnection,
    platform: str,
    limit: int,
    without: Collection[tuple[str, str]] = (),
    resting: Collection[str] = (),
) -> list[Any]:
    """Alarms, then the oldest, ``without`` those of some devices (complex and device), nor those of resting lines."""
    mine = [handover.c.platform == platform, handover.c.state == "waiting"]
    if without:
        mine.append(tuple_(handover.c.complex, handover.c.device).not_in(sorted(without)))
    if resting:
        mine.append(or_(handover.c.line.is_(None), handover.c.line.not_in(sorted(resting))))
    query = select(handover).where(*mine).order_by(handover.c.urgent.desc(), handover.c.number, handover.c.id)
    return list((await connection.execute(query.limit(limit))).all())


async def oldest_by_line(connection: AsyncConnection, platform: str) -> dict[str, str]:
    """Since when something waits on each line on which it does."""
    waits = (handover.c.platform == platform, handover.c.state == "waiting", handover.c.line.is_not(None))
    query = select(handover.c.line, func.min(handover.c.offered_at)).where(*waits).group_by(handover.c.line)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def withhold_line(connection: AsyncConnection, platform: str, line: str, why: str, now: datetime) -> int:
    """Nobody asks for what waits there any more; how many."""
    waits = (handover.c.platform == platform, handover.c.line == line, handover.c.state == "waiting")
    values = {"state": "withheld", "reason": why, "answered_at": stamp(now), "body": None}
    return (await connection.execute(update(handover).where(*waits).values(**values))).rowcount


async def claim(connection: AsyncConnection, platform: str, ids: Sequence[bytes]) -> None:
    """They are about to leave."""
    values = {"state": "sent", "attempts": handover.c.attempts + 1}
    changed = update(handover).where(handover.c.platform == platform, handover.c.id == bindparam("the_id"))
    await connection.execute(changed.values(**values), [{"the_id": id_} for id_ in ids])


async def settle(connection: AsyncConnection, platform: str, settled: Sequence[Settled], now: datetime) -> None:
    """What was accepted keeps only its id; what was refused keeps its body, for whoever looks why. What an erasure
    withheld meanwhile stays so."""
    for state in sorted({one.state for one in settled}):
        values: dict[str, Any] = {"state": state, "reason": bindparam("the_reason"), "answered_at": stamp(now)}
        if state in ("accepted", "withheld"):
            values["body"] = None
        mine = (handover.c.platform == platform, handover.c.id == bindparam("the_id"))
        changed = update(handover).where(*mine, _IS_OPEN).values(**values)
        rows = [{"the_id": one.id, "the_reason": one.reason} for one in settled if one.state == state]
        await connection.execute(changed, rows)


async def release(connection: AsyncConnection, platform: str) -> int:
    """What an earlier process sent without an answer is sent again: the far end knows it by its id."""
    unanswered = (handover.c.platform == platform, handover.c.state == "sent")
    return (await connection.execute(update(handover).where(*unanswered).values(state="waiting"))).rowcount


async def backlog(connection: AsyncConnection, platform: str) -> tuple[int, str | None]:
    """How many wait or have no answer, and since when the oldest does."""
    mine = (handover.c.platform == platform, handover.c.state.in_(("waiting", "sent")))
    row = (await connection.execute(select(func.count(), func.min(handover.c.offered_at)).where(*mine))).one()
    return row[0], row[1]


async def of_day(connection: AsyncConnection, platform: str, day: str, since: datetime, until: datetime) -> Statement:
    """The statement of what was offered from ``since`` until before ``until``. Raises DoesNotAddUp."""
    mine = _of_day(platform, since, until)
    number, by_class, by_state = func.count(), handover.c.data_class, handover.c.state
    offered = await connection.execute(select(by_class, number).where(*mine).group_by(by_class))
    counted = await connection.execute(select(by_class, by_state, number).where(*mine).group_by(by_class, by_state))
    why = (by_state, handover.c.reason)
    told = (*mine, handover.c.reason.is_not(None), by_state.in_(("refused", "withheld", "waiting")))
    reasons = await connection.execute(select(*why, number).where(*told).group_by(*why))
    return statement(
        platform,
        day,
        {row[0]: row[1] for row in offered},
        {(row[0], row[1]): row[2] for row in counted},
        {(row[0], row[1]): row[2] for row in reasons},
    )


def _of_day(platform: str, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    """What came with a complex from another cell was never offered here."""
    at = handover.c.offered_at
    return (handover.c.platform == platform, at >= stamp(since), at < stamp(until), handover.c.state != "elsewhere")
