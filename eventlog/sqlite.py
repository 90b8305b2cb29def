"""The edge's log in one SQLite file: WAL, synchronous=FULL, one row an event, durable before it answers."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
import msgspec

from domain.events import STREAMS
from eventlog.holes import holes
from eventlog.log import Bell, Entry, GapReason, LogBroken, LogBusy, LogCorrupt, Record, Span
from eventlog.sqlite_rows import (
    INSERT,
    READ,
    STREAM_SHIFT,
    Statement,
    base,
    counted,
    letting_go,
    number,
    renumbering,
    rewriting,
)
from eventlog.sqlite_schema import ERRORS, Column, broken, checksum, connect, is_undecodable, prepare, scalar

_LOOKUP_CHUNK = 500
_LET_GO_AT_ONCE = 2_000
_VERIFIED = 1_000
_VACUUM_PAGES = 1_000


class OwnTables(msgspec.Struct, frozen=True):
    """Tables that live in the log's file beside it: how to make them, and columns that an older file may lack."""

    schema: str = ""
    columns: tuple[Column, ...] = ()


NO_TABLES = OwnTables()


class _Doubt(msgspec.Struct, frozen=True):
    """An append that failed after it may have reached the file: what it was, and by which rows to know it."""

    entries: Sequence[Entry]
    sequences: list[int | None]
    first: tuple[int, int] | None  # key and checksum


class SqliteEventLog:
    """One writer, one reader connection; appends are serialised.

    After LogBroken the log takes nothing until ``reopen``, except after LogFull, when it is whole and only wants room.
    """

    partitions: Sequence[str] = STREAMS

    def __init__(self, path: Path, own: OwnTables, synchronous: str) -> None:
        self.bell = Bell()
        self.path = path
        self._own, self._synchronous = own, synchronous
        self._writer: aiosqlite.Connection
        self._reader: aiosqlite.Connection
        self._open_connections: list[aiosqlite.Connection] = []
        self._lock = asyncio.Lock()
        self._epochs: dict[str, str] = {}
        self._doubt: _Doubt | None = None
        self._landed: _Doubt | None = None
        self.sound = False

    @classmethod
    async def open(
        cls, path: Path, new_epoch: str, own: OwnTables = NO_TABLES, *, synchronous: str = "FULL"
    ) -> SqliteEventLog:
        """Open or make the file. ``new_epoch`` names the epoch of streams that do not exist yet; ``own`` are the
        caller's tables, which ``append`` can write in the same transaction. Raises LogBroken."""
        log = cls(path, own, synchronous)
        await log._open(new_epoch)
        return log

    async def _connect(self) -> aiosqlite.Connection:
        connection = await connect(self.path, synchronous=self._synchronous)
        self._open_connections.append(connection)
        return connection

    async def _open(self, new_epoch: str) -> None:
        try:
            self._writer = await self._connect()
            await prepare(self._writer, self._own.schema, self._own.columns)
            await self._check_streams()
            fresh = [(name, new_epoch) for name in STREAMS]
            await self._writer.executemany("INSERT OR IGNORE INTO stream(name, epoch, head) VALUES(?, ?, 0)", fresh)
            self._reader = await self._connect()
            self._epochs = {row[0]: row[1] for row in await self.query("SELECT name, epoch FROM stream")}
        except (*ERRORS, LogBroken) as error:
            await self.close_anyhow()  # a connection left open keeps the process alive
            raise broken(error, str(self.path)) from error
        self.sound = True

    async def _check_streams(self) -> None:
        """The few rows on which all numbering hangs have no checksum of their own: other tables witness for them.

        Raises LogCorrupt. A wrong name or head would give a number twice, a wrong epoch would send everything again.
        """
        rows = list(await self._writer.execute_fetchall("SELECT name, epoch, head FROM stream"))
        if rows and {row[0] for row in rows} != set(STREAMS):
            raise LogCorrupt(f"{self.path}: the streams are {sorted(str(row[0]) for row in rows)}")
        for name, epoch, head in rows:
            span = (base(name), base(name) + (1 << STREAM_SHIFT))
            newest = await scalar(self._writer, "SELECT max(key) FROM record WHERE key > ? AND key < ?", span)
            if not isinstance(head, int) or (newest is not None and newest - base(name) > head):
                raise LogCorrupt(f"{self.path}: the newest of {name} is said to be {head}, and there is a newer one")
            witness = "SELECT 1 FROM tally WHERE stream = ? AND epoch = ?"
            if head and await scalar(self._writer, witness, (name, epoch)) is None:
                raise LogCorrupt(
                    f"{self.path}: the epoch of {name} is said to be {epoch!r}, and nothing was counted in it"
                )

    async def close(self) -> None:
        self.sound = False
        while self._open_connections:
            await self._open_connections.pop().close()

    async def reopen(self, new_epoch: str) -> None:
        """Close, open and verify after LogBroken, before anything more is appended. Raises LogBroken, LogCorrupt.

        A sync that failed may leave pages that the file system gives back and the disk does not have. The whole
        write-ahead log is therefore carried into the file and synced anew; only then does the file count.
        """
        async with self._lock:
            await self.close_anyhow()
            await self._open(new_epoch)
            try:
                await self._verify()
                self._landed = self._doubt if await self._has(self._doubt) else None
            except ERRORS as error:
                self.sound = False
                raise broken(error, str(self.path)) from error
            except LogBroken:
                self.sound = False
                raise

    async def close_anyhow(self) -> None:
        """Close what can be closed, after a fault."""
        self.sound = False
        for connection in self._open_connections:
            try:
                await connection.close()
            except (sqlite3.Error, ValueError):  # closing met the same fault
                continue
        self._open_connections.clear()

    async def _verify(self) -> None:
        busy = await scalar(self._writer, "PRAGMA wal_checkpoint(TRUNCATE)")
        said = await scalar(self._writer, "PRAGMA quick_check(1)")
        if said != "ok":
            raise LogCorrupt(f"{self.path}: {said}")
        if busy:
            raise LogBroken(f"{self.path}: another program reads it; the log was not carried over")
        for name in STREAMS:
            head = await self.head(name)
            await self.read(name, max(0, head - _VERIFIED), _VERIFIED)

    async def _has(self, doubt: _Doubt | None) -> bool:
        if doubt is None or doubt.first is None:
            return False
        key, crc = doubt.first
        return await scalar(self._writer, "SELECT 1 FROM record WHERE key = ? AND crc = ?", (key, crc)) is not None

    async def append(self, entries: Sequence[Entry], also: Iterable[Statement] = ()) -> list[int | None]:
        """Append durably, with the caller's own statements in the same transaction; sequences, None for repeats.

        Raises LogBroken: nothing of the call was acknowledged, and the caller must not. After ``reopen`` the very
        same list may be given again: if it had reached the file after all, it is not written twice.
        """
        async with self._lock:
            if self._landed is not None and self._landed.entries is entries:
                sequences, self._landed, self._doubt = self._landed.sequences, None, None
            else:
                sequences = await self._guarded(entries, list(also))
        for stream in {entry.stream for entry in entries}:
            self.bell.ring(stream)
        return sequences

    async def _guarded(self, entries: Sequence[Entry], also: Sequence[Statement]) -> list[int | None]:
        if not self.sound:
            raise LogBusy(f"{self.path}: not reopened since it failed")
        self._doubt = None
        try:
            return await self._transaction(entries, also)
        except asyncio.CancelledError:
            await asyncio.shield(self._abandon())  # else the next append finds this transaction still open
            raise
        except (*ERRORS, OSError) as error:
            await self._abandon()
            failure = broken(error, f"the log did not take {len(entries)} events")
            self.sound = not is_fault(error)
            raise failure from error

    async def _transaction(self, entries: Sequence[Entry], also: Iterable[Statement]) -> list[int | None]:
        await self._writer.execute("BEGIN IMMEDIATE")
        known = await self._known([entry.id for entry in entries if entry.id is not None])
        # Read in the transaction, not remembered: another process may append too (parked --retry).
        rows = await self._writer.execute_fetchall("SELECT name, head FROM stream")
        before: dict[str, int] = {row[0]: row[1] for row in rows}
        heads = dict(before)
        numbered = number(entries, known, heads)
        moved = [(head, name) for name, head in heads.items() if head != before[name]]
        await self._writer.executemany(INSERT, numbered.rows)
        await self._writer.executemany("UPDATE stream SET head = ? WHERE name = ?", moved)
        for sql, values in (counted(numbered.days, self._epochs), *also):
            await self._writer.executemany(sql, values)
        first = (numbered.rows[0][0], numbered.rows[0][3]) if numbered.rows else None
        self._doubt = _Doubt(entries, numbered.sequences, first)
        await self._writer.execute("COMMIT")
        return numbered.sequences

    async def _known(self, ids: list[bytes]) -> set[bytes]:
        known: set[bytes] = set()
        for start in range(0, len(ids), _LOOKUP_CHUNK):
            chunk = ids[start : start + _LOOKUP_CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = await self._writer.execute_fetchall(f"SELECT id FROM record WHERE id IN ({marks})", chunk)  # noqa: S608
            known.update(row[0] for row in rows)
        return known

    async def _abandon(self) -> None:
        try:
            await self._writer.execute("ROLLBACK")
        except (sqlite3.Error, ValueError):
            return  # SQLite has rolled back by itself after an I/O error, or the connection is gone

    async def write(self, also: Iterable[Statement]) -> None:
        """The caller's own statements alone, in one durable transaction. Raises LogBroken."""
        await self.append((), also)

    async def query(self, sql: str, args: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """Rows of the caller's own tables, from the reader's connection. Raises LogBroken."""
        try:
            return [tuple(row) for row in await self._reader.execute_fetchall(sql, args)]
        except (sqlite3.Error, ValueError) as error:  # ValueError: closed, while it is being reopened
            self.sound = self.sound and not is_fault(error)
            raise broken(error, str(self.path)) from error

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        """Records behind ``after``; one whose checksum does not hold is left out, and ``holes`` tells of it."""
        low = base(partition)
        rows = await self.query(READ, (low + after, low + (1 << STREAM_SHIFT), limit))
        sound = [Record(row[0] - low, row[3]) for row in rows if _is_sound(row)]
        if rows and not sound:  # a reader that gets nothing waits for more: it must see what lies behind the damage
            return await self.read(partition, rows[-1][0] - low, limit)
        return sound

    async def head(self, partition: str) -> int:
        return (await self.query("SELECT head FROM stream WHERE name = ?", (partition,)))[0][0]

    async def epoch(self, stream: str) -> str:
        return self._epochs[stream]

    async def begin_epoch(self, stream: str, epoch: str) -> int:
        """Give the stream's kept records a new epoch, numbered from 1; its new head. Raises LogBroken.

        For when the far end knows more of the old numbering than we: an older copy of this file was restored.
        """
        records = await self.read(stream, 0, 1)
        gone = records[0].position - 1 if records else await self.head(stream)
        await self.write(renumbering(stream, (self._epochs[stream], epoch), gone))
        self._epochs[stream] = epoch
        return await self.head(stream)

    async def trim(self, partition: str, through: int) -> int:
        """Forget records up to and with ``through``, which the centre has; how many went. Raises LogBroken."""
        return await self._let_go(partition, through, "trimmed")

    async def drop(self, stream: str, through: int) -> int:
        return await self._let_go(stream, through, "capacity")

    async def _let_go(self, stream: str, through: int, reason: GapReason) -> int:
        """In small steps, so that no append waits long."""
        gone, low = 0, base(stream)
        step = """SELECT max(key) FROM
        (SELECT key FROM record WHERE key > ? AND key <= ? ORDER BY key LIMIT ?)"""
        while (last := (await self.query(step, (low, low + through, _LET_GO_AT_ONCE)))[0][0]) is not None:
            gone += await self._let_go_some(stream, last - low, reason)
        return gone

    async def _let_go_some(self, stream: str, through: int, reason: GapReason) -> int:
        low, epoch = base(stream), self._epochs[stream]
        by_day = "SELECT day, count(*) FROM record WHERE key > ? AND key <= ? GROUP BY day"
        days: dict[int, int] = {row[0]: row[1] for row in await self.query(by_day, (low, low + through))}
        before = "SELECT first, last, reason FROM let_go WHERE stream = ? AND epoch = ? ORDER BY first DESC LIMIT 1"
        rows = await self.query(before, (stream, epoch))
        first = 1 if not rows else rows[0][0] if rows[0][2] == reason else rows[0][1] + 1
        await self.write(letting_go(stream, epoch, Span(first, through, reason), days))
        return sum(days.values())

    async def holes(self, stream: str, first: int, last: int) -> list[Span]:
        """What ``read`` does not give of the sequences ``first`` to ``last``, in order, each with its reason."""
        low, keys = base(stream), (base(stream) + first, base(stream) + last)
        rows = await self.query("SELECT key, id, crc, body FROM record WHERE key BETWEEN ? AND ? ORDER BY key", keys)
        sql = """SELECT first, last, reason FROM let_go
        WHERE stream = ? AND epoch = ? AND last >= ? AND first <= ? ORDER BY first"""
        let_go = await self.query(sql, (stream, self._epochs[stream], first, last))
        there = ((row[0] - low, _is_sound(row)) for row in rows)
        return holes(first, last, there, [Span(*span) for span in let_go])

    async def reclaim(self) -> int:
        """Give free pages back to the file system, a step at a time; how many there were."""
        free = (await self.query("PRAGMA freelist_count"))[0][0]
        if free:
            async with self._lock:
                await self._writer.execute_fetchall(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")
                await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        return free

    async def rewrite(self, stream: str, bodies: Mapping[int, bytes], also: Iterable[Statement] = ()) -> None:
        """Put other bytes in the place of records, by sequence, in one durable transaction. Raises LogBroken.

        Their numbers and the ids of their facts stay: a device that says it again says nothing new.
        """
        low = base(stream)
        known = "SELECT key, id FROM record WHERE key = ?"
        rows = [row for sequence in bodies for row in await self.query(known, (low + sequence,))]
        await self.write([rewriting([(row[0], row[1], bodies[row[0] - low]) for row in rows]), *also])

    async def compact(self) -> None:
        """Write the file anew, so that nothing that was deleted or written over can be read in it. Raises LogBroken.

        It takes as much room as the file has, and nobody appends meanwhile.
        """
        async with self._lock:
            try:
                for statement in ("PRAGMA secure_delete=ON", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                    await self._writer.execute_fetchall(statement)
            except (*ERRORS, OSError) as error:
                raise broken(error, f"{self.path}: not written anew") from error

    async def used_bytes(self) -> int:
        """What the records and tables take in the file; free pages and the write-ahead log apart."""
        (pages,), (free,), (size,) = [
            (await self.query(f"PRAGMA {what}"))[0] for what in ("page_count", "freelist_count", "page_size")
        ]
        return (pages - free) * size


def is_fault(error: BaseException) -> bool:
    """Whether the file may no longer be what was written: an error of the disk or of the file, not of room, of a lock
    or of a statement."""
    if isinstance(error, OSError):
        return error.errno != errno.ENOSPC
    if is_undecodable(error):
        return True
    name = getattr(error, "sqlite_errorname", None) or ""
    return name.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL"))


def _is_sound(row: Sequence[Any]) -> bool:
    """Whether a record (key, id, crc, body) is what was written; one from before there were checksums is believed."""
    if not isinstance(row[3], bytes) or not isinstance(row[1], bytes | None):
        return False
    return row[2] == 0 or row[2] == checksum(row[0], row[1], row[3])
