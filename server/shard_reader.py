"""A reader of the centre's log: folds facts in one transaction with its cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.log import Record
from server.batches import Batch, Unpacker
from server.store.bulk import upsert
from server.store.engine import Database
from server.store.schema import cursor

# A transaction: ingest waits for it where there is one writer, so it is short; but each costs a commit, so a reader
# that is behind takes as many events at once as it can in about this time.
_TRANSACTION_S = 0.1
_LEAST_EVENTS, _FIRST_EVENTS, _MOST_EVENTS = 500, 2_000, 16_000
_POSITION = select(cursor.c.position).where(
    cursor.c.reader == bindparam("of_reader"), cursor.c.shard == bindparam("of_shard")
)


class Fold(Protocol):
    """What a reader does with facts."""

    name: str

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        """Take batches in order; the same fact may come twice, under another origin."""
        ...


class Overtaken(Exception):
    """Another process took these records meanwhile, or a rebuild did: whoever reads on begins from the cursor."""


class Rest:
    """Lets readers whose result can wait a little give way to ingest while batches pour in after an outage.

    ``busy`` says whether they do. A reader then rests some times as long as it worked, so that what is held back at
    the gateways is safe first and shown soon after.
    """

    def __init__(self, busy: Callable[[], bool], times: float = 9.0, most_s: float = 1.0) -> None:
        self._busy, self._times, self._most_s = busy, times, most_s

    async def after(self, work_s: float) -> None:
        if self._busy():
            await asyncio.sleep(min(self._most_s, self._times * work_s))


class Stride:
    """How many events a reader takes at once: more while that is done in no time, fewer when others waited for it."""

    def __init__(self) -> None:
        self.events = _FIRST_EVENTS

    def took(self, work_s: float) -> None:
        """How long others had to wait for the transaction, its own wait apart."""
        if work_s > 2 * _TRANSACTION_S:
            self.events = max(_LEAST_EVENTS, self.events // 2)
        elif work_s < _TRANSACTION_S:
            self.events = min(_MOST_EVENTS, self.events * 2)


class ShardReader:
    """Lets a fold follow the log. ``after_commit`` is told when its effect can be seen."""

    def __init__(
        self,
        fold: Fold,
        db: Database,
        unpacker: Unpacker,
        after_commit: Callable[[], None] = lambda: None,
        rest: Rest | None = None,
    ) -> None:
        self.name = fold.name
        self._fold, self._db, self._unpacker, self._after_commit = fold, db, unpacker, after_commit
        self._rest, self._stride = rest, Stride()
        self._at: dict[str, int] = {}

    async def position(self, partition: str) -> int:
        async with self._db.read() as connection:
            self._at[partition] = await self._cursor(connection, partition)
        return self._at[partition]

    async def take(self, partition: str, records: list[Record]) -> int:
        began, taken = time.monotonic(), self._first_few(records)
        async with self._db.write(shard=partition) as connection:
            alone = time.monotonic()
            await self._stand(connection, partition)
            await self._fold.fold(connection, taken)
            await save_cursor(connection, self.name, partition, taken[-1].position)
        self._at[partition] = taken[-1].position
        self._after_commit()
        self._stride.took(time.monotonic() - alone)
        if self._rest is not None:
            await self._rest.after(time.monotonic() - began)
        return taken[-1].position

    def _first_few(self, records: list[Record]) -> list[Batch]:
        events, taken = 0, list[Batch]()
        for record in records:
            batch = self._unpacker.batch(record)
            events += batch.header.count
            if events > self._stride.events and taken:
                break
            taken.append(batch)
        return taken

    async def _stand(self, connection: AsyncConnection, partition: str) -> None:
        """Raises Overtaken where the cursor is not where this reader left it."""
        there = await self._cursor(connection, partition)
        if there != self._at.get(partition, there):
            raise Overtaken(f"{self.name} stands at {there} of {partition}, not at {self._at[partition]}")

    async def _cursor(self, connection: AsyncConnection, partition: str) -> int:
        found = await connection.execute(_POSITION, {"of_reader": self.name, "of_shard": partition})
        return found.scalar() or 0


async def save_cursor(connection: AsyncConnection, reader: str, shard: str, position: int) -> None:
    """Move a cursor in the transaction of its effect."""
    await upsert(connection, cursor, ("reader", "shard", "position"), [(reader, shard, position)])
