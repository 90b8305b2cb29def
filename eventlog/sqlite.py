"""The edge's log in one SQLite file: WAL, synchronous=FULL, one row an event, durable before it answers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from domain.events import STREAMS
from eventlog.log import Bell, Entry, LogBroken, Record

# A record's key is its stream's number and its sequence in one integer, so that the table itself is the index: the
# records of a stream lie side by side, and an append touches one page instead of two.
_STREAM_SHIFT = 48
_LOOKUP_CHUNK = 500

SCHEMA = """
CREATE TABLE IF NOT EXISTS stream(name TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record(key INTEGER PRIMARY KEY, id BLOB, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record(id) WHERE id IS NOT NULL;
"""

Statement = tuple[str, Sequence[Sequence[Any]]]


async def connect(path: Path, *, synchronous: str = "FULL") -> aiosqlite.Connection:
    """A connection in WAL mode whose commits reach the disk. Raises LogBroken where SQLite does not grant that."""
    connection = await aiosqlite.connect(path, isolation_level=None)
    await connection.execute("PRAGMA busy_timeout=10000")
    mode = await _scalar(connection, "PRAGMA journal_mode=WAL")
    await connection.execute(f"PRAGMA synchronous={synchronous}")
    if mode != "wal":
        await connection.close()
        raise LogBroken(f"{path}: SQLite gives journal mode {mode!r} here, not WAL; use a local file system")
    return connection


async def _scalar(connection: aiosqlite.Connection, sql: str, args: Sequence[Any] = ()) -> Any:
    async with connection.execute(sql, args) as cursor:
        row = await cursor.fetchone()
    return None if row is None else row[0]


class SqliteEventLog:
    """One writer, one reader connection; appends are serialised."""

    partitions: Sequence[str] = STREAMS

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.bell = Bell()
        self._writer = writer
        self._reader = reader
        self._lock = asyncio.Lock()
        self._epochs: dict[str, str] = {}

    @classmethod
    async def open(cls, path: Path, new_epoch: str, schema: str = "", *, synchronous: str = "FULL") -> SqliteEventLog:
        """Open or make the file. ``new_epoch`` names the epoch of streams that do not exist yet; ``schema`` adds
        the caller's own tables, which ``append`` can write in the same transaction."""
        writer = await connect(path, synchronous=synchronous)
        await writer.executescript(SCHEMA + schema)
        log = cls(writer, await connect(path))
        await log._load(new_epoch)
        return log

    async def _load(self, new_epoch: str) -> None:
        fresh = [(name, new_epoch) for name in STREAMS]
        await self._writer.executemany("INSERT OR IGNORE INTO stream(name, epoch, head) VALUES(?, ?, 0)", fresh)
        self._epochs = {row[0]: row[1] for row in await self.query("SELECT name, epoch FROM stream")}

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()

    async def append(self, entries: Sequence[Entry], also: Iterable[Statement] = ()) -> list[int | None]:
        """Append durably, with the caller's own statements in the same transaction; sequences, None for repeats.

        Raises LogBroken: nothing of the call was kept, and the caller must not acknowledge.
        """
        async with self._lock:
            try:
                sequences = await self._transaction(entries, also)
            except asyncio.CancelledError:
                await asyncio.shield(self._abandon())  # else the next append finds this transaction still open
                raise
            except (sqlite3.Error, OSError) as error:
                await self._abandon()
                raise LogBroken(f"the log did not take {len(entries)} events: {error}") from error
        for stream in {entry.stream for entry in entries}:
            self.bell.ring(stream)
        return sequences

    async def _transaction(self, entries: Sequence[Entry], also: Iterable[Statement]) -> list[int | None]:
        await self._writer.execute("BEGIN IMMEDIATE")
        known = await self._known([entry.id for entry in entries if entry.id is not None])
        # Read in the transaction, not remembered: another process may append too (parked --retry).
        rows = await self._writer.execute_fetchall("SELECT name, head FROM stream")
        before: dict[str, int] = {row[0]: row[1] for row in rows}
        heads = dict(before)
        sequences, numbered = _number(entries, known, heads)
        moved = [(head, name) for name, head in heads.items() if head != before[name]]
        await self._writer.executemany("INSERT INTO record(key, id, body) VALUES(?, ?, ?)", numbered)
        await self._writer.executemany("UPDATE stream SET head = ? WHERE name = ?", moved)
        for sql, values in also:
            await self._writer.executemany(sql, values)
        await self._writer.execute("COMMIT")
        return sequences

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
        except sqlite3.Error:
            return  # SQLite has rolled back by itself after an I/O error

    async def write(self, also: Iterable[Statement]) -> None:
        """The caller's own statements alone, in one durable transaction. Raises LogBroken."""
        await self.append((), also)

    async def query(self, sql: str, args: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """Rows of the caller's own tables, from the reader's connection."""
        return [tuple(row) for row in await self._reader.execute_fetchall(sql, args)]

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        base = STREAM_NUMBER[partition] << _STREAM_SHIFT
        end = base + (1 << _STREAM_SHIFT)
        sql = "SELECT key, body FROM record WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
        rows = await self._reader.execute_fetchall(sql, (base + after, end, limit))
        return [Record(row[0] - base, row[1]) for row in rows]

    async def head(self, partition: str) -> int:
        return (await self.query("SELECT head FROM stream WHERE name = ?", (partition,)))[0][0]

    async def epoch(self, stream: str) -> str:
        return self._epochs[stream]

    async def begin_epoch(self, stream: str, epoch: str) -> int:
        """Give the stream's kept records a new epoch, numbered from 1; its new head. Raises LogBroken.

        For when the old numbering can no longer be followed: the far end knows more of it than we, or lacks records
        of it that we no longer have.
        """
        first = (await self.read(stream, 0, 1) or [Record(await self.head(stream) + 1, b"")])[0].position
        base, gone = STREAM_NUMBER[stream] << _STREAM_SHIFT, first - 1
        renumber = "UPDATE record SET key = key - ? WHERE key > ? AND key < ?"
        restart = "UPDATE stream SET epoch = ?, head = head - ? WHERE name = ?"
        span = (gone, base, base + (1 << _STREAM_SHIFT))
        await self.write([(renumber, [span])] * (gone > 0) + [(restart, [(epoch, gone, stream)])])
        self._epochs[stream] = epoch
        return await self.head(stream)

    async def trim(self, partition: str, through: int) -> int:
        base = STREAM_NUMBER[partition] << _STREAM_SHIFT
        sql = "DELETE FROM record WHERE key > ? AND key <= ?"
        async with self._lock, self._writer.execute(sql, (base, base + through)) as cursor:
            return cursor.rowcount


def _number(
    entries: Sequence[Entry], known: set[bytes], heads: dict[str, int]
) -> tuple[list[int | None], list[tuple[int, bytes | None, bytes]]]:
    """Sequences for entries that are no repeats, and their rows; moves ``heads``."""
    sequences: list[int | None] = []
    rows: list[tuple[int, bytes | None, bytes]] = []
    for entry in entries:
        if entry.id is not None and entry.id in known:
            sequences.append(None)
            continue
        if entry.id is not None:
            known.add(entry.id)
        sequence = heads[entry.stream] = heads[entry.stream] + 1
        sequences.append(sequence)
        rows.append(((STREAM_NUMBER[entry.stream] << _STREAM_SHIFT) + sequence, entry.id, entry.body))
    return sequences, rows


STREAM_NUMBER = {name: number for number, name in enumerate(STREAMS)}
