"""A reader of the centre's log: folds facts in one transaction with its cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.wire import read_header
from eventlog.log import Record
from server.facts import Fact, Unpacker
from server.store.engine import Database
from server.store.schema import cursor
from server.store.upsert import insert

# A transaction: ingest waits for it, so it is short; one large batch, or several small ones.
_MOST_EVENTS = 500
# For a reader that people wait for: fewer, longer transactions, so that it keeps up with what pours in.
_MOST_EVENTS_KEEPING_UP = 4_000


class Fold(Protocol):
    """What a reader does with facts."""

    name: str

    async def fold(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        """Take facts in order; the same fact may come twice, under another origin."""
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
        self._rest = rest
        self._at: dict[str, int] = {}

    async def position(self, partition: str) -> int:
        async with self._db.read() as connection:
            self._at[partition] = (await connection.execute(self._cursor(partition))).scalar() or 0
        return self._at[partition]

    async def take(self, partition: str, records: list[Record]) -> int:
        most = _MOST_EVENTS if self._rest is not None else _MOST_EVENTS_KEEPING_UP
        began, taken = time.monotonic(), _first_few(records, most)
        facts = [fact for record in taken for fact in self._unpacker.facts(record)]
        async with self._db.write(shard=partition) as connection:
            await self._stand(connection, partition)
            await self._fold.fold(connection, facts)
            await save_cursor(connection, self.name, partition, taken[-1].position)
        self._at[partition] = taken[-1].position
        self._after_commit()
        if self._rest is not None:
            await self._rest.after(time.monotonic() - began)
        return taken[-1].position

    async def _stand(self, connection: AsyncConnection, partition: str) -> None:
        """Raises Overtaken where the cursor is not where this reader left it."""
        there = (await connection.execute(self._cursor(partition))).scalar() or 0
        if there != self._at.get(partition, there):
            raise Overtaken(f"{self.name} stands at {there} of {partition}, not at {self._at[partition]}")

    def _cursor(self, partition: str) -> Select[int]:
        return select(cursor.c.position).where(cursor.c.reader == self.name, cursor.c.shard == partition)


async def save_cursor(connection: AsyncConnection, reader: str, shard: str, position: int) -> None:
    """Move a cursor in the transaction of its effect."""
    statement = insert(cursor).values(reader=reader, shard=shard, position=position)
    moved = {"position": statement.excluded.position}
    await connection.execute(statement.on_conflict_do_update(index_elements=["reader", "shard"], set_=moved))


def _first_few(records: list[Record], most_events: int) -> list[Record]:
    events = 0
    for number, record in enumerate(records):
        events += read_header(record.body).count
        if events > most_events and number > 0:
            return records[:number]
    return records
