"""Numbers of the database for metrics: few statements, each of which looks at an index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Integer, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.shards import SHARD_NAMES
from server.store.engine import stamp
from server.store.schema import batch, cursor, delivery, gateway

LATELY = timedelta(minutes=2)
_MOST = 10_000  # more is not counted: so far behind is far behind


class Lag(msgspec.Struct, frozen=True):
    """How far a reader is behind the end of a shard."""

    reader: str
    shard: str
    batches: int  # at most ten thousand are counted
    oldest_at: datetime | None  # when the oldest that it has not taken came


async def lags(connection: AsyncConnection, readers: Sequence[str]) -> list[Lag]:
    """Of every reader, in every shard that has anything to read."""
    positions = {(row.reader, row.shard): row.position for row in await connection.execute(select(cursor))}
    heads = await connection.execute(select(batch.c.shard, func.max(batch.c.position)).group_by(batch.c.shard))
    found: list[Lag] = []
    for row in heads:
        shard, head = int(row[0]), int(row[1])
        name = SHARD_NAMES[shard]
        for reader in readers:
            at = positions.get((reader, name), 0)
            found.append(await _lag(connection, reader, shard, at) if at < head else Lag(reader, name, 0, None))
    return found


async def _lag(connection: AsyncConnection, reader: str, shard: int, position: int) -> Lag:
    behind = select(batch.c.received_at).where(batch.c.shard == shard, batch.c.position > position)
    some = behind.order_by(batch.c.position).limit(_MOST).subquery()
    count, oldest = (await connection.execute(select(func.count(), func.min(some.c.received_at)))).one()
    return Lag(reader, SHARD_NAMES[shard], count, datetime.fromisoformat(oldest) if oldest else None)


async def gateways(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """state -> how many: seen lately, silent, never heard, replaced."""
    state = case(
        (gateway.c.replaced_at.is_not(None), "replaced"),
        (gateway.c.last_seen_at.is_(None), "never_heard"),
        (gateway.c.last_seen_at >= stamp(now - LATELY), "seen_lately"),
        else_="silent",
    )
    rows = await connection.execute(select(state.label("state"), func.count()).group_by("state"))
    return {"seen_lately": 0, "silent": 0, "never_heard": 0, "replaced": 0} | {row[0]: row[1] for row in rows}


async def deliveries(connection: AsyncConnection, feeds: Sequence[str]) -> dict[tuple[str, str], int]:
    """(feed, state) -> how many wait, or were refused by the far end; at most ten thousand are counted."""
    found: dict[tuple[str, str], int] = {}
    for feed in feeds:
        for state in ("waiting", "parked"):
            some: Any = select(literal(1)).where(delivery.c.feed == feed, delivery.c.state == state).limit(_MOST)
            count = select(cast(func.count(), Integer)).select_from(some.subquery())
            found[feed, state] = (await connection.execute(count)).scalar_one()
    return found
