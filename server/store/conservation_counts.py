"""What the centre's log holds of one epoch of a gateway's stream: by day, and where its numbering has holes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Table, cast, func, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.conservation import UNEXPLAINED, Counted, GapCount
from domain.wire import MAX_EVENTS
from server.store.retention_tables import expired_day, expired_range
from server.store.schema import batch, batch_day, carried, cursor, gap, mark

_MOST_HOLES = 200


class Scope(msgspec.Struct, frozen=True):
    """Of which epoch to count: up to ``through`` (None: all of it), the days from ``since`` on.

    ``today`` stands for the day of a hole that has no neighbour left.
    """

    gateway: str
    shard: int
    stream: str
    epoch: str
    through: int | None
    since: int
    today: int

    def of(self, table: Table) -> tuple[ColumnElement[bool], ...]:
        return table.c.gateway == self.gateway, table.c.stream == self.stream, table.c.epoch == self.epoch

    def known(self, last: Any) -> ColumnElement[bool]:
        return true() if self.through is None else last <= self.through


async def epochs(connection: AsyncConnection, gateway: str) -> set[tuple[str, str]]:
    """Each (stream, epoch) that the centre has a mark of, or that was carried over before it had any."""
    queries = (select(table.c.stream, table.c.epoch).where(table.c.gateway == gateway) for table in (mark, carried))
    return {(row.stream, row.epoch) for query in queries for row in await connection.execute(query)}


async def counted(connection: AsyncConnection, scope: Scope) -> Counted:
    """Everything in the one snapshot of the connection."""
    last = (await connection.execute(select(mark.c.last).where(*scope.of(mark)))).scalar() or 0
    folded = await _folded(connection, scope)
    after = await _begins_after(connection, scope)
    lost, near = await _lost(connection, scope, await _holes(connection, scope, folded, after, last))
    return Counted(
        last,
        await _received(connection, scope),
        lost,
        near,
        await _gaps(connection, scope),
        await _uncounted(connection, scope, folded),
        await _carried(connection, scope),
    )


async def _carried(connection: AsyncConnection, scope: Scope) -> dict[int, int]:
    query = select(carried.c.day, carried.c["count"]).where(*scope.of(carried))
    return {row[0]: row[1] for row in await connection.execute(query)}


async def _folded(connection: AsyncConnection, scope: Scope) -> int:
    """Up to which position of the log batches are counted by day."""
    query = select(cursor.c.position).where(cursor.c.reader == "conservation", cursor.c.shard == str(scope.shard))
    return (await connection.execute(query)).scalar() or 0


async def _begins_after(connection: AsyncConnection, scope: Scope) -> int:
    """The sequence before the first of the days asked for; 0 for all."""
    if scope.since == 0:
        return 0
    query = select(func.min(batch_day.c.first)).where(*scope.of(batch_day), batch_day.c.day >= scope.since)
    return ((await connection.execute(query)).scalar() or 1) - 1


async def _received(connection: AsyncConnection, scope: Scope) -> dict[int, int]:
    """Records by day, of batches that are still there, and of those that were let go in time."""
    query = select(batch_day.c.day, func.sum(batch_day.c.count)).join(batch, batch.c.position == batch_day.c.position)
    query = query.where(*scope.of(batch_day), batch_day.c.day >= scope.since, scope.known(batch.c.last))
    received = Counter({row[0]: row[1] for row in await connection.execute(query.group_by(batch_day.c.day))})
    # What was let go when its term was over had been received: by every statement there is, for it is older than any.
    gone = select(expired_day.c.day, expired_day.c["count"]).where(*scope.of(expired_day))
    received.update({row[0]: row[1] for row in await connection.execute(gone.where(expired_day.c.day >= scope.since))})
    return received


async def _uncounted(connection: AsyncConnection, scope: Scope, folded: int) -> int:
    held = func.coalesce(func.sum(batch.c.last - batch.c.first + 1), 0)
    query = select(cast(held, BigInteger)).where(*_new(scope, folded))
    return (await connection.execute(query.where(scope.known(batch.c.last)))).scalar_one()


def _new(scope: Scope, folded: int) -> tuple[ColumnElement[bool], ...]:
    return batch.c.shard == scope.shard, batch.c.position > folded, *scope.of(batch)


async def _holes(
    connection: AsyncConnection, scope: Scope, folded: int, after: int, last: int
) -> list[tuple[int, int]]:
    """Runs of sequences below the mark that no batch and no declared gap holds."""
    spans = _spans(scope, folded, after).subquery()
    before = func.max(spans.c.last).over(order_by=spans.c.first, rows=(None, -1))
    placed = select(spans.c.first, func.coalesce(before, after).label("before")).subquery()
    query = select(placed.c.before, placed.c.first).where(placed.c.first > placed.c.before + 1)
    rows = await connection.execute(query.order_by(placed.c.first).limit(_MOST_HOLES))
    found = [(row.before + 1, row.first - 1) for row in rows]
    top = (await connection.execute(select(func.max(spans.c.last)))).scalar()
    reached = after if top is None else top
    return [*found, (reached + 1, last)] if reached < last else found


def _spans(scope: Scope, folded: int, after: int) -> Any:
    """Everything that holds sequences behind ``after``: counted batches, new batches, gaps."""
    counted_here = select(batch_day.c.first, batch.c.last).join(batch, batch.c.position == batch_day.c.position)
    nearby = (batch_day.c.first > after - MAX_EVENTS, batch.c.last > after)
    return union_all(
        counted_here.where(*scope.of(batch_day), *nearby),
        select(batch.c.first, batch.c.last).where(*_new(scope, folded)),
        select(gap.c.first, gap.c.last).where(*scope.of(gap), gap.c.last > after),
        select(expired_range.c.first, expired_range.c.last).where(
            *scope.of(expired_range), expired_range.c.last > after
        ),
    )


async def _lost(
    connection: AsyncConnection, scope: Scope, holes: list[tuple[int, int]]
) -> tuple[Counter[int], Counter[int]]:
    """What lay in the holes: by day where the count by day outlived its batch, else by the neighbour's day."""
    lost, near = Counter[int](), Counter[int]()
    for first, last in holes:
        known = await _once_counted(connection, scope, first, last)
        lost.update(known)
        rest = last - first + 1 - known.total()
        if rest > 0:
            near[await _day_beside(connection, scope, first)] += rest
    return lost, near


async def _once_counted(connection: AsyncConnection, scope: Scope, first: int, last: int) -> Counter[int]:
    query = select(batch_day.c.day, func.sum(batch_day.c.count)).outerjoin(
        batch, batch.c.position == batch_day.c.position
    )
    inside = (batch_day.c.first.between(first, last), batch.c.position.is_(None))
    rows = await connection.execute(query.where(*scope.of(batch_day), *inside).group_by(batch_day.c.day))
    return Counter({row[0]: row[1] for row in rows})


async def _day_beside(connection: AsyncConnection, scope: Scope, sequence: int) -> int:
    """The day of what was counted just before a sequence, or else after it."""
    days = select(batch_day.c.day).where(*scope.of(batch_day))
    before = days.where(batch_day.c.first < sequence).order_by(batch_day.c.first.desc(), batch_day.c.day.desc())
    after = days.where(batch_day.c.first >= sequence).order_by(batch_day.c.first, batch_day.c.day)
    for query in (before, after):
        day = (await connection.execute(query.limit(1))).scalar()
        if day is not None:
            return day
    return scope.today


async def _gaps(connection: AsyncConnection, scope: Scope) -> list[GapCount]:
    query = select(gap.c.reason, gap.c.first, gap.c.last).where(*scope.of(gap))
    rows = (await connection.execute(query.where(scope.known(gap.c.last)))).all()
    return [
        GapCount(reason, last - first + 1, await _day_beside(connection, scope, first) if reason in UNEXPLAINED else 0)
        for reason, first, last in rows
    ]
