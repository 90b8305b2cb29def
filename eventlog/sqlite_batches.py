"""The centre's log in one SQLite file: one row a batch, one mark a (gateway, stream, epoch)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import aiosqlite

from eventlog.log import Arrival, Bell, LogBroken, Receipt, Record, judge
from eventlog.shards import SHARD_NAMES, shard_of
from eventlog.sqlite import connect

Key = tuple[str, str, str]

# The tables are made by the store's migrations; the statements are here, as plain SQL, because they are hot.
_INSERT = """INSERT INTO batch(shard, complex, gateway, stream, epoch, first, last, received_at, body)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_MARK = """INSERT INTO mark(gateway, stream, epoch, last) VALUES(?, ?, ?, ?)
ON CONFLICT(gateway, stream, epoch) DO UPDATE SET last = excluded.last"""


class SqliteBatchLog:
    """One writer at a time: ``lock`` is shared with whoever else writes the same file in this process."""

    partitions: Sequence[str] = SHARD_NAMES

    def __init__(
        self,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        lock: asyncio.Lock,
        now: Callable[[], datetime],
    ) -> None:
        self.bell = Bell()
        self._writer, self._reader, self._lock, self._now = writer, reader, lock, now

    @classmethod
    async def open(cls, path: Path, lock: asyncio.Lock, now: Callable[[], datetime]) -> SqliteBatchLog:
        return cls(await connect(path), await connect(path), lock, now)

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Append durably in one transaction; what does not follow its mark is answered, not stored.

        Raises LogBroken: nothing of the call was kept.
        """
        async with self._lock:
            try:
                receipts = await self._transaction(arrivals)
            except asyncio.CancelledError:
                await asyncio.shield(self._abandon())  # else the next append finds this transaction still open
                raise
            except (sqlite3.Error, OSError) as error:
                await self._abandon()
                raise LogBroken(f"the log did not take {len(arrivals)} batches: {error}") from error
        for arrival in arrivals:
            self.bell.ring(shard_of(arrival.complex))
        return receipts

    async def _transaction(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        await self._writer.execute("BEGIN IMMEDIATE")
        marks = await self._marks({_key(arrival) for arrival in arrivals})
        before, receipts = dict(marks), [_judge(arrival, marks) for arrival in arrivals]
        stored = [pair[0] for pair in zip(arrivals, receipts, strict=True) if pair[1].outcome == "stored"]
        await self._writer.executemany(_INSERT, [_row(arrival, self._now()) for arrival in stored])
        moved = [(*key, last) for key, last in marks.items() if last != before[key]]
        await self._writer.executemany(_MARK, moved)
        await self._writer.execute("COMMIT")
        return receipts

    async def _marks(self, keys: set[Key]) -> dict[Key, int]:
        marks: dict[Key, int] = {}
        sql = "SELECT last FROM mark WHERE gateway = ? AND stream = ? AND epoch = ?"
        for key in keys:
            async with self._writer.execute(sql, key) as cursor:
                row = await cursor.fetchone()
            marks[key] = 0 if row is None else row[0]
        return marks

    async def _abandon(self) -> None:
        try:
            await self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            return  # SQLite has rolled back by itself after an I/O error

    async def watermarks(self, gateway: str) -> dict[tuple[str, str], int]:
        sql = "SELECT stream, epoch, last FROM mark WHERE gateway = ?"
        rows = await self._reader.execute_fetchall(sql, (gateway,))
        return {(row[0], row[1]): row[2] for row in rows}

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

    async def trim(self, partition: str, through: int) -> int:
        sql = "DELETE FROM batch WHERE shard = ? AND position <= ?"
        async with self._lock, self._writer.execute(sql, (int(partition), through)) as cursor:
            return cursor.rowcount


def _key(arrival: Arrival) -> Key:
    return arrival.header.gateway, arrival.header.stream, arrival.header.epoch


def _judge(arrival: Arrival, marks: dict[Key, int]) -> Receipt:
    receipt = judge(arrival.header, marks[_key(arrival)])
    marks[_key(arrival)] = max(marks[_key(arrival)], receipt.watermark)
    return receipt


def _row(arrival: Arrival, now: datetime) -> tuple[object, ...]:
    header, shard = arrival.header, int(shard_of(arrival.complex))
    origin = (header.gateway, header.stream, header.epoch, header.first, header.last)
    return (shard, arrival.complex, *origin, now.isoformat(timespec="milliseconds"), arrival.packed)
