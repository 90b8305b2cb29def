"""Drops a projection and folds it again from the log, in one transaction, and says by a hash whether it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.log import BatchLog
from server.batches import Batch
from server.shard_reader import save_cursor
from server.store.engine import Database
from server.store.reader_rows import set_aside_for
from server.store.schema import cursor

_RECORDS = 50


class Projection(Protocol):
    """A fold whose tables hold nothing that the log does not."""

    name: str
    tables: tuple[Table, ...]

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None: ...


class Rebuilt(msgspec.Struct, frozen=True):
    """The hash of the rows before and after, up to the same cursors."""

    before: str
    after: str
    records: int


async def rebuild(
    projection: Projection,
    db: Database,
    log: BatchLog,
    progress: Callable[[int], None] = lambda _: None,
    note: Callable[[AsyncConnection, Rebuilt], None] = lambda _connection, _made: None,
) -> Rebuilt:
    """Fold a projection again up to where it was, without what was set aside for it.

    No other reader or person writes while it runs.
    ``note`` may record it, within the same transaction.
    """
    async with db.write_alone() as connection:
        before = await fingerprint(connection, projection.tables)
        cursors = await _cursors(connection, projection.name)
        for table in projection.tables:
            await connection.execute(table.delete())
        aside = await set_aside_for(connection, projection.name)
        records = 0
        for shard, through in cursors.items():
            records += await _fold(connection, projection, log, shard, through, aside, progress)
            await save_cursor(connection, projection.name, shard, through)
        made = Rebuilt(before, await fingerprint(connection, projection.tables), records)
        note(connection, made)
        return made


async def _cursors(connection: AsyncConnection, reader: str) -> dict[str, int]:
    rows = await connection.execute(select(cursor.c.shard, cursor.c.position).where(cursor.c.reader == reader))
    return {row.shard: row.position for row in rows}


async def _fold(
    connection: AsyncConnection,
    projection: Projection,
    log: BatchLog,
    shard: str,
    through: int,
    aside: Collection[int],
    progress: Callable[[int], None],
) -> int:
    position, count = 0, 0
    while position < through:
        records = [record for record in await log.read(shard, position, _RECORDS) if record.position <= through]
        if not records:
            break
        kept = [Batch(record) for record in records if record.position not in aside]
        await projection.fold(connection, kept)
        position, count = records[-1].position, count + len(records)
        progress(len(records))
    return count


async def fingerprint(connection: AsyncConnection, tables: Sequence[Table]) -> str:
    """A hash over every row and column of the tables, in order of their keys."""
    digest = hashlib.sha256()
    for table in tables:
        async for row in await connection.stream(select(table).order_by(*table.primary_key.columns)):
            digest.update(msgspec.json.encode(list(row)))
    return digest.hexdigest()
