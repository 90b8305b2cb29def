"""Readers that wait at a record they cannot take, and records that a person set aside for a reader."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, Table, case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.schema import batch, complex_, reader_wait, set_aside
from server.store.scope import CITY, Scope, within
from server.store.upsert import insert

_MOST_ERROR = 1_000  # characters that are kept of it
_KEY = ("reader", "shard")


class NotWaiting(Exception):
    """That reader does not wait at that record: there is nothing to set aside."""


class Waits(msgspec.Struct, frozen=True):
    """A reader that stands still in a shard: at which record, whose that is, why, and since when."""

    reader: str
    shard: str
    position: int
    error: str
    since: datetime
    seen_at: datetime
    attempts: int
    complex: str | None  # of these, none where the record is no longer there
    complex_name: str | None
    timezone: str | None
    gateway: str | None
    stream: str | None
    epoch: str | None
    first: int | None
    last: int | None


class SetAside(msgspec.Struct, frozen=True):
    """A record that a reader was let pass by: by whom, when and why."""

    reader: str
    shard: str
    position: int
    complex: str
    complex_name: str | None
    timezone: str | None
    gateway: str
    stream: str
    epoch: str
    first: int
    last: int
    error: str
    reason: str
    by: str
    at: datetime

    @property
    def events(self) -> int:
        return self.last - self.first + 1


async def note(connection: AsyncConnection, reader: str, shard: str, position: int, error: str, at: datetime) -> None:
    """That a reader could not take the record at a position; of one it waits at already, that it still does."""
    now = stamp(at)
    values = {"reader": reader, "shard": shard, "position": position, "error": _kept(error)}
    noted = insert(reader_wait).values(**values, since=now, seen_at=now, attempts=1)
    same = reader_wait.c.position == position
    changed = {
        "position": position,
        "error": noted.excluded.error,
        "since": case((same, reader_wait.c.since), else_=now),
        "attempts": case((same, reader_wait.c.attempts + 1), else_=1),
        "seen_at": now,
    }
    await connection.execute(noted.on_conflict_do_update(index_elements=_KEY, set_=changed))


def _kept(error: str) -> str:
    return error.replace("\0", "\ufffd")[:_MOST_ERROR]  # PostgreSQL keeps no NUL sign


async def went_on(connection: AsyncConnection, reader: str, shard: str) -> None:
    """That it does not wait any more."""
    await connection.execute(delete(reader_wait).where(reader_wait.c.reader == reader, reader_wait.c.shard == shard))


async def waits(connection: AsyncConnection, scope: Scope = CITY) -> list[Waits]:
    """Who waits, longest first, at records of these places. Empty: every reader goes on."""
    found = _named(reader_wait, batch).outerjoin(batch, batch.c.position == reader_wait.c.position)
    query = found.outerjoin(complex_, complex_.c.id == batch.c.complex).where(within(batch.c.complex, scope))
    rows = await connection.execute(query.order_by(reader_wait.c.since, reader_wait.c.reader))
    return [msgspec.convert(row, Waits) for row in rows.mappings()]


async def were_set_aside(connection: AsyncConnection, scope: Scope = CITY, reader: str | None = None) -> list[SetAside]:
    """What was set aside, the newest first."""
    query = _named(set_aside, set_aside).outerjoin(complex_, complex_.c.id == set_aside.c.complex)
    query = query.where(within(set_aside.c.complex, scope))
    if reader is not None:
        query = query.where(set_aside.c.reader == reader)
    rows = await connection.execute(query.order_by(set_aside.c.at.desc(), set_aside.c.position))
    return [msgspec.convert(row, SetAside) for row in rows.mappings()]


def _named(table: Table, origins: Table) -> Select[Any]:
    """All of a table, and whose record it is."""
    origin = [origins.c[name] for name in ("complex", "gateway", "stream", "epoch", "first", "last")]
    columns = [*table.c] if origins is table else [*table.c, *origin]
    return select(*columns, complex_.c.name.label("complex_name"), complex_.c.timezone).select_from(table)


async def set_aside_for(connection: AsyncConnection, reader: str) -> set[int]:
    """The positions that a reader was let pass by."""
    rows = await connection.execute(select(set_aside.c.position).where(set_aside.c.reader == reader))
    return set(rows.scalars())


async def keep_aside(
    connection: AsyncConnection, reader: str, shard: str, position: int, reason: str, by: str, at: datetime
) -> SetAside:
    """List the record a reader waits at, for ever, and end its wait. Raises NotWaiting. The cursor is the caller's."""
    key = (reader, shard, position)
    waiting = [one for one in await waits(connection) if (one.reader, one.shard, one.position) == key]
    if not waiting:
        raise NotWaiting(f"{reader} does not wait at {position} of shard {shard}; `readers` shows who waits")
    origin = await _origin(connection, position)
    values = {"reader": reader, "shard": shard, "position": position, **origin, "error": waiting[0].error}
    await connection.execute(set_aside.insert().values(**values, reason=reason, by=by, at=stamp(at)))
    await went_on(connection, reader, shard)
    found = await were_set_aside(connection, reader=reader)
    return next(one for one in found if one.position == position and one.shard == shard)


async def _origin(connection: AsyncConnection, position: int) -> dict[str, Any]:
    """Whose record it is; of one that is no longer there, nobody's."""
    columns = (batch.c.complex, batch.c.gateway, batch.c.stream, batch.c.epoch, batch.c.first, batch.c.last)
    row = (await connection.execute(select(*columns).where(batch.c.position == position))).mappings().first()
    return dict(row) if row else {**dict.fromkeys(("complex", "gateway", "stream", "epoch"), ""), "first": 0, "last": 0}


async def waiting_count(connection: AsyncConnection, scope: Scope = CITY) -> int:
    """How many readers stand still."""
    query = select(func.count()).select_from(reader_wait).outerjoin(batch, batch.c.position == reader_wait.c.position)
    return (await connection.execute(query.where(within(batch.c.complex, scope)))).scalar_one()
