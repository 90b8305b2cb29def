"""Statements on what platforms ordered to be looked for, and on hits that they are owed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.upsert import insert
from server.store.watch_rows import MOST_SHOWN
from server.store.watch_tables import watch_entry, watch_hit, watch_order, watch_owed


class Ordered(msgspec.Struct, frozen=True):
    """What a platform ordered."""

    platform: str
    disposition: str
    state: str
    at: datetime
    times: int
    sealed: bytes | None = None
    why: str | None = None


class Owed(msgspec.Struct, frozen=True):
    """A hit that a platform is still owed, with what is known of it. ``sealed``: None where its order has ended."""

    complex: str
    hit: str
    entry: str
    disposition: str
    attempts: int
    how: str
    at: datetime
    received_at: datetime
    device: str
    begins_at: datetime
    ends_at: datetime
    lane: str | None = None
    place: str | None = None
    direction: str | None = None
    differs: str | None = None
    passage: bytes | None = None  # the id of the reading
    label: str | None = None  # what a library below us saw, where it is no passage
    picture: str | None = None
    sealed: bytes | None = None


async def ordered(connection: AsyncConnection, one: Ordered) -> None:
    """It was said; what was said before of the same number is of no matter any more."""
    values = {"state": one.state, "at": stamp(one.at), "sealed": one.sealed, "why": one.why}
    statement = insert(watch_order).values(platform=one.platform, disposition=one.disposition, times=1, **values)
    changed = {**values, "times": watch_order.c.times + 1}
    await connection.execute(statement.on_conflict_do_update(index_elements=["platform", "disposition"], set_=changed))


async def one(connection: AsyncConnection, platform: str, disposition: str) -> Ordered | None:
    same = (watch_order.c.platform == platform, watch_order.c.disposition == disposition)
    row = (await connection.execute(select(watch_order).where(*same))).mappings().first()
    return None if row is None else msgspec.convert(row, Ordered)


async def placed(connection: AsyncConnection, platform: str) -> dict[str, bytes]:
    """The sealed words of what stands, by the order's number."""
    query = select(watch_order.c.disposition, watch_order.c.sealed).where(
        watch_order.c.platform == platform, watch_order.c.state == "placed", watch_order.c.sealed.is_not(None)
    )
    return {row.disposition: row.sealed for row in await connection.execute(query)}


async def refused(connection: AsyncConnection) -> list[Ordered]:
    """Orders that were not taken, the newest first."""
    query = select(watch_order).where(watch_order.c.state == "refused").order_by(watch_order.c.at.desc())
    return [msgspec.convert(row, Ordered) for row in (await connection.execute(query.limit(MOST_SHOWN))).mappings()]


async def owe(connection: AsyncConnection, platform: str, row: dict[str, Any], disposition: str, now: datetime) -> None:
    """A hit is for the platform whose order it is of."""
    of = {"platform": platform, "complex": row["complex"], "hit": row["id"], "entry": row["entry"]}
    said = {"disposition": disposition, "state": "waiting", "at": stamp(now), "due_at": stamp(now), "attempts": 0}
    await connection.execute(insert(watch_owed).values(**of, **said).on_conflict_do_nothing())


async def release(connection: AsyncConnection, platform: str) -> int:
    """What an earlier process sent without an answer is sent again, under the same number."""
    unanswered = (watch_owed.c.platform == platform, watch_owed.c.state == "sent")
    return (await connection.execute(update(watch_owed).where(*unanswered).values(state="waiting"))).rowcount


async def due(connection: AsyncConnection, platform: str, now: datetime, limit: int) -> list[Owed]:
    """The oldest first."""
    hit = (watch_hit.c.complex == watch_owed.c.complex) & (watch_hit.c.id == watch_owed.c.hit)
    entry = (watch_entry.c.complex == watch_owed.c.complex) & (watch_entry.c.id == watch_owed.c.entry)
    mine = [watch_owed.c[name] for name in ("complex", "hit", "entry", "disposition", "attempts")]
    where = ("device", "lane", "place", "direction")
    seen = ("how", "at", "received_at", *where, "differs", "passage", "label", "picture")
    of_entry = [watch_entry.c[name] for name in ("begins_at", "ends_at", "sealed")]
    query = select(*mine, *(watch_hit.c[name] for name in seen), *of_entry)
    query = query.join(watch_hit, hit).join(watch_entry, entry)
    waits = (watch_owed.c.platform == platform, watch_owed.c.state == "waiting", watch_owed.c.due_at <= stamp(now))
    rows = await connection.execute(query.where(*waits).order_by(watch_owed.c.at, watch_owed.c.hit).limit(limit))
    return [msgspec.convert(row, Owed) for row in rows.mappings()]


async def claim(connection: AsyncConnection, platform: str, several: Sequence[Owed]) -> None:
    """They are about to leave."""
    for each in several:
        values = {"state": "sent", "attempts": each.attempts + 1}
        await connection.execute(update(watch_owed).where(*_same(platform, each)).values(**values))


async def settle(
    connection: AsyncConnection,
    platform: str,
    each: Owed,
    state: str,
    reason: str | None,
    due_at: datetime,
    now: datetime,
) -> None:
    values = {"state": state, "reason": reason, "due_at": stamp(due_at), "answered_at": stamp(now)}
    await connection.execute(update(watch_owed).where(*_same(platform, each)).values(**values))


def _same(platform: str, each: Owed) -> tuple[Any, ...]:
    return watch_owed.c.platform == platform, watch_owed.c.complex == each.complex, watch_owed.c.hit == each.hit


async def let_go(connection: AsyncConnection, before: datetime) -> None:
    """What was owed goes with its hit; an order with its last entry; one that was refused after the same time."""
    there = exists().where(watch_hit.c.complex == watch_owed.c.complex, watch_hit.c.id == watch_owed.c.hit)
    await connection.execute(delete(watch_owed).where(~there))
    entries = exists().where(
        watch_entry.c.sender_kind == "platform",
        watch_entry.c.sender == watch_order.c.platform,
        watch_entry.c.disposition == watch_order.c.disposition,
    )
    await connection.execute(delete(watch_order).where(watch_order.c.at < stamp(before), ~entries))
