"""A reader of the centre's log: folds facts in one transaction with its cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.wire import BadBatch
from eventlog.log import Record
from eventlog.together import Together
from server.batches import Batch, Unpacker
from server.cells import moves
from server.hurry import Hurry
from server.store import reader_rows
from server.store.bulk import upsert
from server.store.engine import Database
from server.store.failures import DatabaseBusy
from server.store.one_writer import Rank
from server.store.schema import cursor

# A transaction: ingest waits for it where there is one writer, so it is short; but each costs a commit, so a reader
# that is behind takes as many events at once as it can in about this time.
_TRANSACTION_S = 0.1
_KEEP_EVERY_S, _SETTLE_S = 10.0, 1.0  # a cursor that passes by what is no business of its reader; one at rest
_LEAST_EVENTS, _FIRST_EVENTS, _MOST_EVENTS = 500, 2_000, 16_000
_LEAST_RECORDS, _MOST_RECORDS, _USUAL_A_RECORD = 16, 500, 30.0
_POSITION = select(cursor.c.position).where(
    cursor.c.reader == bindparam("of_reader"), cursor.c.shard == bindparam("of_shard")
)
_POSITIONS = select(cursor.c.shard, cursor.c.position).where(cursor.c.reader == bindparam("of_reader"))


class Fold(Protocol):
    """What a reader does with facts. Of a complex that came from another cell it gets only what came since, for books
    and feeds had the rest there; one that derives its ``tables`` from the log, or says that it ``adopts``, gets all."""

    name: str

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        """Take batches in order; the same fact may come twice, under another origin."""
        ...


@runtime_checkable
class Glancing(Protocol):
    """A fold of which most records are none of its business. A glance sees that without a turn to write."""

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        """Whether anything of it could have an effect, by what can be read now."""
        ...


class Overtaken(Exception):
    """Another process took these records meanwhile, or a rebuild did: whoever reads on begins from the cursor."""


_LIVELY_S = 1.0
_CROWD_S, _CROWD_LOOK_S = 5.0, 0.25  # so long a reader waits for others at most, and how often it looks
_BACKLOG_S, _LOOK_S = 30.0, 0.1  # what pours in for longer is no backlog but the load of that day


class Rest:
    """Lets readers whose result can wait a little give way to ingest while batches pour in after an outage.

    ``busy`` says whether they do. All readers together then rest some times as long as they work, so that what is held
    back at the gateways is safe first and shown soon after; where it goes on for longer than a backlog lasts, each
    rests ``most_s`` at most, so that they do not fall behind for good. While a crowd stands at the door (``crowded``: a
    city that comes back after a restart, each with a little), a reader waits for it to be served: each of its
    transactions would make all of them wait, and afterwards it takes in one what they brought.
    While no backlog comes but a good deal (``lively``), it takes at once what came in a second.
    """

    rank: Rank = "last"

    def __init__(
        self,
        busy: Callable[[], bool],
        times: float = 9.0,
        most_s: float = 1.0,
        crowded: Callable[[], bool] = lambda: False,
        lively: Callable[[], bool] = lambda: False,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._busy, self._times, self._most_s, self._clock_s = busy, times, most_s, clock_s
        self._crowded, self._lively = crowded, lively
        self._busy_since_s: float | None = None
        self._turn_s = 0.0  # when the next one may work
        self._usual_s = 0.05  # how long the others rest for a piece of work, lately

    async def before(self) -> None:
        """Until it is this reader's turn, or nobody is to be given way to any more."""
        while self._is_backlog(now_s := self._clock_s()) and now_s < self._turn_s:  # noqa: ASYNC110 - time passes, nobody tells
            await asyncio.sleep(min(_LOOK_S, self._turn_s - now_s))
        self._turn_s = max(self._turn_s, now_s) + self._usual_s  # so that not all who wait come at once

    async def after(self, work_s: float, partition: str = "", is_more: bool = False) -> None:
        """``is_more``: what was taken was not all."""
        rest_s = min(self._most_s, self._times * work_s)
        self._turn_s += rest_s - self._usual_s
        self._usual_s += (rest_s - self._usual_s) / 4
        await self._give_way(self._clock_s() + rest_s)
        if self._lively() and not self._busy() and not is_more:
            await asyncio.sleep(_LIVELY_S)
        for _ in range(round(_CROWD_S / _CROWD_LOOK_S)):
            if not self._crowded():
                return
            await asyncio.sleep(_CROWD_LOOK_S)

    async def _give_way(self, until_s: float) -> None:
        """By itself, where it is no backlog but goes on and on."""
        while self._busy() and not self._is_backlog(now_s := self._clock_s()) and now_s < until_s:  # noqa: ASYNC110
            await asyncio.sleep(min(_LOOK_S, until_s - now_s))

    def _is_backlog(self, now_s: float) -> bool:
        if not self._busy():
            self._busy_since_s, self._turn_s = None, 0.0
        elif self._busy_since_s is None:
            self._busy_since_s = now_s
        return self._busy_since_s is not None and now_s - self._busy_since_s < _BACKLOG_S


class Breath:
    """For one reader that may not wait: while much comes in, it takes at once what came in a second, but
    what is urgent at once. With a look at every little batch such readers would hold up ingest, and themselves."""

    def __init__(
        self, busy: Callable[[], bool], hurry: Hurry | None = None, pause_s: float = 1.0, rank: Rank = "usual"
    ) -> None:
        self.rank: Rank = rank
        self._busy, self._hurry, self._pause_s = busy, hurry or Hurry(), pause_s
        self._known: dict[str, int] = {}  # by shard, up to which ring it went on

    async def before(self) -> None:
        """At once."""

    async def after(self, work_s: float, partition: str, is_more: bool = False) -> None:
        """``is_more``: what was taken was not all, and what is urgent may be in the rest."""
        if self._busy() and not is_more:
            await self._hurry.breathe(partition, self._pause_s, self._known.get(partition, 0))
        self._known[partition] = self._hurry.count(partition)


class Stride:
    """How many events a reader takes at once: more while that is done in no time, fewer when others waited for it. And
    how many records to read for that: some hold one event, some five hundred."""

    def __init__(self) -> None:
        self.events, self._a_record = _FIRST_EVENTS, _USUAL_A_RECORD

    @property
    def records(self) -> int:
        return min(_MOST_RECORDS, max(_LEAST_RECORDS, round(self.events / self._a_record)))

    def met(self, events: int, records: int) -> None:
        """So many were in so many records."""
        self._a_record += (events / records - self._a_record) / 4

    def took(self, work_s: float) -> None:
        """How long others had to wait for the transaction, its own wait apart."""
        if work_s > 2 * _TRANSACTION_S:
            self.events = max(_LEAST_EVENTS, self.events // 2)
        elif work_s < _TRANSACTION_S:
            self.events = min(_MOST_EVENTS, self.events * 2)


class ShardReader:
    """Lets a fold follow the log. ``after_commit`` is told when its effect can be seen.

    At a record that its fold cannot take it stands still, with all before it taken, and says so (``reader_rows``): the
    other readers and the other shards go on.
    """

    def __init__(
        self,
        fold: Fold,
        db: Database,
        unpacker: Unpacker,
        after_commit: Callable[[], None] = lambda: None,
        rest: Rest | Breath | None = None,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_busy``: whether so much comes in that a cursor that alone would move is kept but now and then."""
        self.name = fold.name
        self._is_busy, self._glancing = is_busy, fold if isinstance(fold, Glancing) else None
        self._fold, self._db, self._unpacker, self._after_commit = fold, db, unpacker, after_commit
        self._rest, self._stride = rest, Stride()
        self._rank: Rank = rest.rank if rest is not None else "usual"
        self._adopts = hasattr(fold, "tables") or getattr(fold, "adopts", False)
        self._asked_together = Together(self._positions)
        self._at: dict[str, int] = {}  # up to where it has taken
        self._kept: dict[str, int] = {}  # and where its cursor stands: behind that only by what had no effect
        self._kept_s: dict[str, float] = {}  # when it was put there
        self._asked: dict[str, int] = {}  # how many records it asked for last
        self._singly: dict[str, int] = {}  # up to which position records are taken one by one, for one of them fails
        self._clear: set[str] = set()  # partitions of which it is sure that no wait is noted

    async def position(self, partition: str) -> int:
        self._clear.discard(partition)  # another process may have had it meanwhile, and noted that it waits
        self._at[partition] = self._kept[partition] = await self._asked_together.ask(partition)
        return self._at[partition]

    async def _positions(self, partitions: Sequence[str]) -> list[int]:
        """Of several at once, as a server that begins asks for them."""
        async with self._db.read() as connection:
            found = {row.shard: row.position for row in await connection.execute(_POSITIONS, {"of_reader": self.name})}
        return [found.get(partition, 0) for partition in partitions]

    async def settle(self, partition: str) -> None:
        """Keep a cursor that has passed by records of no effect, now and then. In its own rank: what comes meanwhile
        waits for it."""
        after_s = _KEEP_EVERY_S if self._is_busy() else _SETTLE_S
        if self._at.get(partition, 0) == self._kept.get(partition, 0) or not self._is_old(partition, after_s):
            return
        async with self._db.write(shard=partition, rank=self._rank, at_once=True) as connection:
            await self._stand(connection, partition)
            await save_cursor(connection, self.name, partition, self._at[partition])
        self._note_kept(partition)

    def limit(self, partition: str) -> int:
        self._asked[partition] = self._stride.records
        return self._asked[partition]

    async def take(self, partition: str, records: list[Record]) -> int:
        chosen = self._first_few(partition, records)
        is_more = len(chosen) < len(records) or len(records) >= self._asked.get(partition, _MOST_RECORDS)
        if self._rest is not None:
            await self._rest.before()
        began = time.monotonic()
        try:
            if await self._passes_by(partition, chosen):
                self._at[partition] = chosen[-1].position
                return await self._rested(partition, began, is_more)
            work_s = await self._commit(partition, chosen)
        except (DatabaseBusy, Overtaken):
            raise
        except Exception as error:
            await self._wait_at(partition, chosen, error)
            raise
        self._at[partition] = chosen[-1].position
        self._note_kept(partition)
        self._clear.add(partition)
        self._after_commit()
        self._stride.took(work_s)
        return await self._rested(partition, began, is_more)

    async def _rested(self, partition: str, began_s: float, is_more: bool) -> int:
        """Where it stands, once others had their turn."""
        if self._rest is not None:
            await self._rest.after(time.monotonic() - began_s, partition, is_more)
        return self._at[partition]

    async def _passes_by(self, partition: str, chosen: list[Record]) -> bool:
        """Whether nothing of it concerns the fold, and its cursor may wait: then nobody waits for its turn to write."""
        if self._glancing is None or not self._is_busy() or partition not in self._clear:
            return False
        if self._is_old(partition, _KEEP_EVERY_S):
            return False
        batches = [self._unpacker.batch(record) for record in chosen]
        async with self._db.read(at_once=True) as connection:
            return not await self._glancing.concerns(connection, batches)

    def _is_old(self, partition: str, after_s: float) -> bool:
        return time.monotonic() - self._kept_s.get(partition, 0.0) >= after_s

    def _note_kept(self, partition: str) -> None:
        self._kept[partition], self._kept_s[partition] = self._at[partition], time.monotonic()

    async def _commit(self, partition: str, chosen: list[Record]) -> float:
        """Effect and cursor in one transaction; for how many seconds others had to wait for it."""
        batches = [self._unpacker.batch(record) for record in chosen]
        async with self._db.write(shard=partition, rank=self._rank, at_once=True) as connection:
            alone = time.monotonic()
            await self._stand(connection, partition)
            await self._fold.fold(connection, await self._its_own(connection, batches))
            await save_cursor(connection, self.name, partition, chosen[-1].position)
            if partition not in self._clear:
                await reader_rows.went_on(connection, self.name, partition)
        return time.monotonic() - alone

    async def _wait_at(self, partition: str, chosen: list[Record], error: Exception) -> None:
        """Say at which record it stands still. Of several it is not known yet: they are taken one by one then."""
        self._clear.discard(partition)
        if len(chosen) > 1:
            self._singly[partition] = chosen[-1].position
            return
        with suppress(DatabaseBusy):  # it comes to the same record again
            async with self._db.write(shard=partition) as connection:
                position, at = chosen[0].position, datetime.now(UTC)
                await reader_rows.note(connection, self.name, partition, position, repr(error), at)

    async def _its_own(self, connection: AsyncConnection, taken: list[Batch]) -> list[Batch]:
        came = await moves.adopted(connection)
        for batch in taken:
            batch.is_adopted = batch.position <= came.get(batch.complex, 0)
        return taken if self._adopts else [batch for batch in taken if not batch.is_adopted]

    def _first_few(self, partition: str, records: list[Record]) -> list[Record]:
        if records[0].position <= self._singly.get(partition, 0):
            return records[:1]
        events, chosen = 0, list[Record]()
        for record in records:
            events += self._events(record)
            if events > self._stride.events and chosen:
                break
            chosen.append(record)
        self._stride.met(events, len(chosen))
        return chosen

    def _events(self, record: Record) -> int:
        """How many it holds; of a damaged one more than are ever taken at once, so that it stands alone."""
        try:
            return self._unpacker.batch(record).header.count
        except BadBatch:
            return _MOST_EVENTS + 1

    async def _stand(self, connection: AsyncConnection, partition: str) -> None:
        """Raises Overtaken where the cursor is not where this reader left it."""
        there = await self._cursor(connection, partition)
        if there != self._kept.get(partition, there):
            raise Overtaken(f"{self.name} stands at {there} of {partition}, not at {self._kept[partition]}")

    async def _cursor(self, connection: AsyncConnection, partition: str) -> int:
        found = await connection.execute(_POSITION, {"of_reader": self.name, "of_shard": partition})
        return found.scalar() or 0


async def save_cursor(connection: AsyncConnection, reader: str, shard: str, position: int) -> None:
    """Move a cursor in the transaction of its effect."""
    await upsert(connection, cursor, ("reader", "shard", "position"), [(reader, shard, position)])
