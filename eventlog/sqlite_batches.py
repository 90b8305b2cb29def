"""The centre's log in one SQLite file: one row a batch, one mark a (gateway, stream, epoch)."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite
import msgspec

from eventlog.batches import Key, Walk, judge_all, key_of, stamp, to_mend
from eventlog.log import Adopted, Arrival, Bell, Gap, LogBroken, Receipt, Record, Wanted, judge
from eventlog.looks import Looks
from eventlog.shards import SHARD_NAMES, shard_of
from eventlog.sqlite_schema import connect, in_thread
from eventlog.tail import Tail

T = TypeVar("T")

# The tables are made by the store's migrations; the statements are here, as plain SQL, because they are hot.
_INSERT = """INSERT INTO batch(shard, complex, gateway, stream, epoch, first, last, received_at, body)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_MARK = """INSERT INTO mark(gateway, stream, epoch, last) VALUES(?, ?, ?, ?)
ON CONFLICT(gateway, stream, epoch) DO UPDATE SET last = excluded.last"""
_MARKS = """SELECT mark.gateway, mark.stream, mark.epoch, mark.last FROM json_each(?) AS asked
CROSS JOIN mark ON mark.gateway = json_extract(asked.value, '$[0]')
AND mark.stream = json_extract(asked.value, '$[1]') AND mark.epoch = json_extract(asked.value, '$[2]')"""
_GAP = """INSERT INTO gap(gateway, stream, epoch, first, last, reason, detail, declared_at)
VALUES(?, ?, ?, ?, ?, ?, ?, ?)"""
_GAPS = """SELECT gateway, stream, epoch, first, last, reason, detail FROM gap WHERE gateway = ?
ORDER BY stream, epoch, first"""
# Complexes that nothing more is taken of, because they move or moved to another cell. They are few.
_CLOSED = "SELECT complex FROM complex_move WHERE state <> 'open'"
_OF_COMPLEX = """SELECT position, gateway, stream, epoch, first, last, received_at, CAST(body AS BLOB) FROM batch
WHERE shard = ? AND complex = ? AND position > ? ORDER BY position LIMIT ?"""
_ADOPTED = """UPDATE complex_move SET copied = ? WHERE complex = ? AND copied = ? AND state = 'importing'"""
# The rows that hold any of the sequences asked for.
_OVERLAPPING = """SELECT position, first, last, CAST(body AS BLOB) FROM batch
WHERE gateway = ? AND stream = ? AND epoch = ? AND last >= ? AND first <= ?"""
# What was let go when its term was over is no loss either.
_LET_GO = """SELECT 1 FROM expired_range
WHERE gateway = ? AND stream = ? AND epoch = ? AND last >= ? AND first <= ? LIMIT 1"""
_ALL_GAPS = """SELECT gateway, stream, epoch, first, last FROM gap
UNION ALL SELECT gateway, stream, epoch, first, last FROM expired_range ORDER BY first"""
_ALL_MARKS = "SELECT gateway, stream, epoch, last FROM mark"
_ALL_ROWS = """SELECT gateway, stream, epoch, first, last, CAST(body AS BLOB) FROM batch
ORDER BY gateway, stream, epoch, first"""


class SqliteBatchLog:
    """One writer at a time: ``lock`` is shared with whoever else writes the same file in this process."""

    partitions: Sequence[str] = SHARD_NAMES

    def __init__(
        self,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        lock: AbstractAsyncContextManager[None],
        now: Callable[[], datetime],
    ) -> None:
        self.bell = Bell()
        self._writer, self._reader, self._lock, self._now = writer, reader, lock, now
        self._tails, self._head = defaultdict[str, Tail](Tail), 0  # by partition; the newest position written here
        self._looks = Looks(self.read)

    @classmethod
    async def open(
        cls, path: Path, lock: AbstractAsyncContextManager[None], now: Callable[[], datetime]
    ) -> SqliteBatchLog:
        return cls(await connect(path), await connect(path), lock, now)

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Append durably in one transaction; what does not follow its mark is answered, not stored.

        Raises LogBroken: nothing of the call was kept.
        """
        work = partial(_append, arrivals=arrivals, now=self._now())
        receipts, rows = await self._in_transaction(work, f"{len(arrivals)} batches")
        self._remember(rows)
        for arrival in arrivals:
            self.bell.ring(shard_of(arrival.complex))
        return receipts

    def _remember(self, rows: Sequence[_Row]) -> None:
        """What is committed now, and what came before it from elsewhere is not known."""
        if rows and rows[0].record.position != self._head + 1:
            self._forget_tails()
        of_shards = defaultdict[str, list[Record]](list)
        for row in rows:
            of_shards[row.shard].append(row.record)
            self._head = row.record.position
        for shard, records in of_shards.items():
            self._tails[shard].add(records)

    def _forget_tails(self) -> None:
        for tail in self._tails.values():
            tail.forget()

    async def _in_transaction(self, work: Callable[[sqlite3.Connection], T], what: str) -> T:
        """One call of the database's thread: all others who write wait meanwhile. Raises LogBroken."""
        async with self._lock:
            try:
                return await in_thread(self._writer, partial(_committed, work))
            except (sqlite3.Error, OSError) as error:
                raise LogBroken(f"the log did not take {what}: {error}") from error

    async def declare(self, gap: Gap, complex_id: str) -> Receipt:
        """List a gap and move the mark over it, in one transaction. Raises LogBroken."""
        work = partial(_declare, gap=gap, complex_id=complex_id, now=self._now())
        return await self._in_transaction(work, "a gap")

    async def gaps(self, gateway: str) -> list[Gap]:
        rows = await self._reader.execute_fetchall(_GAPS, (gateway,))
        return [Gap(*row) for row in rows]

    async def mend(self, arrival: Arrival) -> bool:
        """Put a batch in the place of the damaged or lost row of the very same sequences. Raises LogBroken.

        What is sound is never replaced: a gateway cannot rewrite what it once said.
        """
        mended = await self._in_transaction(partial(_mend, arrival=arrival, now=self._now()), "a mended batch")
        self._forget_tails()
        if mended:
            self.bell.ring(shard_of(arrival.complex))
        return mended

    async def probe(self) -> None:
        """Make something small durable, and change nothing. Raises LogBroken where nothing can be."""
        await self._in_transaction(_write_what_is_there, "a probe")

    async def of_complex(self, complex_id: str, after: int, limit: int) -> list[Adopted]:
        """A complex's batches behind position ``after``, in order: what travels when it moves."""
        asked = (int(shard_of(complex_id)), complex_id, after, limit)
        return [Adopted(*row) for row in await self._reader.execute_fetchall(_OF_COMPLEX, asked)]

    async def adopt(self, complex_id: str, after: int, batches: Sequence[Adopted]) -> bool:
        """Append another cell's batches as they are, once: ``after`` is up to where that was done, and moves with them.

        No mark moves: they come last, and until then no gateway is let in. False where ``after`` is not so.
        """
        work = partial(_adopt, complex_id=complex_id, after=after, batches=batches)
        adopted = await self._in_transaction(work, "adopted batches")
        self._forget_tails()
        self.bell.ring(shard_of(complex_id))
        return adopted

    async def all_committed(self, _complex_id: str) -> None:
        """Until what was being appended when this was called is there to be read, or never will be."""
        async with self._lock:  # one writer at a time, over processes too
            return

    async def damaged_and_lost(self) -> AsyncIterator[Wanted]:
        """Walk the whole log: each row that is no longer what was received, and each run of sequences below the mark
        that no row and no listed gap holds."""
        gaps = await self._reader.execute_fetchall(_ALL_GAPS)
        walk = Walk((row[0], row[1], row[2], row[3], row[4]) for row in gaps)
        marks = {(row[0], row[1], row[2]): row[3] for row in await self._reader.execute_fetchall(_ALL_MARKS)}
        async with self._reader.execute(_ALL_ROWS) as cursor:
            async for gateway, stream, epoch, first, last, body in cursor:
                for found in walk.row((gateway, stream, epoch), first, last, body):
                    yield found
        for found in walk.end(marks):
            yield found

    async def watermarks(self, gateway: str) -> dict[tuple[str, str], int]:
        sql = "SELECT stream, epoch, last FROM mark WHERE gateway = ?"
        rows = await self._reader.execute_fetchall(sql, (gateway,))
        return {(row[0], row[1]): row[2] for row in rows}

    async def watermarks_of(self, gateways: Sequence[str]) -> dict[str, dict[tuple[str, str], int]]:
        blanks = ", ".join("?" * len(gateways))
        sql = f"SELECT gateway, stream, epoch, last FROM mark WHERE gateway IN ({blanks})"  # noqa: S608 - question marks
        found: dict[str, dict[tuple[str, str], int]] = {gateway: {} for gateway in gateways}
        for row in await self._reader.execute_fetchall(sql, tuple(gateways)):
            found[row[0]][row[1], row[2]] = row[3]
        return found

    async def read_on(self, partition: str, after: int, limit: int) -> list[Record]:
        """As ``read``, for those who follow: what was appended here a moment ago is given from memory."""
        tail = self._tails[partition]
        if (known := tail.behind(after, limit)) is not None:
            return known
        found = await self._looks.read(partition, after, limit)
        tail.looked(after, found)
        return found

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        sql = """SELECT position, body, complex, received_at FROM batch
        WHERE shard = ? AND position > ? ORDER BY position LIMIT ?"""
        rows = await self._reader.execute_fetchall(sql, (int(partition), after, limit))
        return [Record(row[0], row[1], row[2], row[3]) for row in rows]

    async def head(self, partition: str) -> int:
        rows = list(
            await self._reader.execute_fetchall("SELECT max(position) FROM batch WHERE shard = ?", (int(partition),))
        )
        return rows[0][0] or 0

    async def give_back(self) -> None:
        """Pages in which nothing is left are used again by the file itself."""

    async def trim(self, partition: str, through: int) -> int:
        self._tails[partition].forget()
        sql = "DELETE FROM batch WHERE shard = ? AND position <= ?"
        async with self._lock, self._writer.execute(sql, (int(partition), through)) as cursor:
            return cursor.rowcount


def _committed(work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
    """In the database's thread, from the beginning of a transaction to its end."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = work(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # SQLite rolls back by itself after an I/O error
            connection.execute("ROLLBACK")
    return done


def _append(
    connection: sqlite3.Connection, arrivals: Sequence[Arrival], now: datetime
) -> tuple[list[Receipt], list[_Row]]:
    """The receipts, and what was stored."""
    marks = _marks(connection, {key_of(arrival) for arrival in arrivals})
    judged = judge_all(arrivals, marks, _closed(connection))
    if not judged.stored:
        return judged.receipts, []
    at = stamp(now)
    connection.executemany(_INSERT, [_row(arrival, at) for arrival in judged.stored])
    (newest,) = connection.execute("SELECT last_insert_rowid()").fetchone()
    connection.executemany(_MARK, [(*key, last) for key, last in judged.moved.items()])
    return judged.receipts, _placed(judged.stored, at, newest)


def _declare(connection: sqlite3.Connection, gap: Gap, complex_id: str, now: datetime) -> Receipt:
    key = (gap.gateway, gap.stream, gap.epoch)
    receipt = judge(gap, _marks(connection, {key})[key])
    if complex_id in _closed(connection):
        return Receipt("closed", 0)
    if receipt.outcome == "stored":
        span = (gap.first, gap.last, gap.reason, gap.detail)
        connection.execute(_GAP, (*key, *span, stamp(now)))
        connection.execute(_MARK, (*key, gap.last))
    return receipt


def _mend(connection: sqlite3.Connection, arrival: Arrival, now: datetime) -> bool:
    header, key = arrival.header, key_of(arrival)
    if header.last > _marks(connection, {key})[key] or arrival.complex in _closed(connection):
        return False
    if connection.execute(_LET_GO, (*key, header.first, header.last)).fetchone():
        return False
    rows = connection.execute(_OVERLAPPING, (*key, header.first, header.last)).fetchall()
    if not rows:
        connection.execute(_INSERT, _row(arrival, stamp(now)))
        return True
    position = to_mend(header, rows)
    if position is not None:
        connection.execute("UPDATE batch SET body = ? WHERE position = ?", (arrival.packed, position))
    return position is not None


def _write_what_is_there(connection: sqlite3.Connection) -> None:
    (there,) = connection.execute("PRAGMA application_id").fetchone()
    connection.execute(f"PRAGMA application_id = {int(there)}")


def _adopt(connection: sqlite3.Connection, complex_id: str, after: int, batches: Sequence[Adopted]) -> bool:
    through = batches[-1].position if batches else after
    if connection.execute(_ADOPTED, (through, complex_id, after)).rowcount != 1:
        return False
    shard = int(shard_of(complex_id))
    connection.executemany(_INSERT, [(shard, complex_id, *_as_received(batch)) for batch in batches])
    return True


def _closed(connection: sqlite3.Connection) -> set[str]:
    return {complex_id for (complex_id,) in connection.execute(_CLOSED)}


def _marks(connection: sqlite3.Connection, keys: set[Key]) -> dict[Key, int]:
    rows = connection.execute(_MARKS, (msgspec.json.encode(list(keys)).decode(),))
    return dict.fromkeys(keys, 0) | {(gateway, stream, epoch): last for gateway, stream, epoch, last in rows}


def _as_received(batch: Adopted) -> tuple[object, ...]:
    origin = (batch.gateway, batch.stream, batch.epoch, batch.first, batch.last)
    return (*origin, batch.received_at, batch.body)


def _row(arrival: Arrival, at: str) -> tuple[object, ...]:
    header, shard = arrival.header, int(shard_of(arrival.complex))
    origin = (header.gateway, header.stream, header.epoch, header.first, header.last)
    return (shard, arrival.complex, *origin, at, arrival.packed)


class _Row(msgspec.Struct, frozen=True):
    """What was stored, and where."""

    shard: str
    record: Record


def _placed(stored: Sequence[Arrival], at: str, newest: int) -> list[_Row]:
    """What one transaction stored: its positions follow each other, up to the newest."""
    first = newest - len(stored) + 1
    return [
        _Row(shard_of(arrival.complex), Record(first + index, arrival.packed, arrival.complex, at))
        for index, arrival in enumerate(stored)
    ]
