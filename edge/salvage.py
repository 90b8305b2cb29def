"""What can still be read of a store that was set aside, carried over to the new one: only what the centre lacks."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import structlog

from domain.events import STREAMS
from domain.statements import CARRIED_ALL
from edge.happenings import Salvaged
from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog, is_fault
from eventlog.sqlite_rows import base
from eventlog.sqlite_schema import checksum

log = structlog.get_logger()

# How far each set-aside store was carried over, in the transaction that carries it: a kill in between doubles nothing.
SCHEMA = """
CREATE TABLE IF NOT EXISTS salvaged(
    folder TEXT, stream TEXT, through INTEGER NOT NULL, PRIMARY KEY(folder, stream)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS carried(
    stream TEXT, epoch TEXT, day INTEGER, count INTEGER NOT NULL, PRIMARY KEY(stream, epoch, day)) WITHOUT ROWID;
"""
_CARRIED = """INSERT INTO carried(stream, epoch, day, count) VALUES(?, ?, ?, ?)
ON CONFLICT(stream, epoch, day) DO UPDATE SET count = count + excluded.count"""
_KEPT_APART = frozenset({"record", "stream", "tally", "let_go", "salvaged"})
_THROUGH = "INSERT OR REPLACE INTO salvaged(folder, stream, through) VALUES(?, ?, ?)"
_CHUNK = 500


class _Row(msgspec.Struct, frozen=True):
    sequence: int
    entry: Entry


class OldStore:
    """A damaged file, read as far as it can be; nothing is written to it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)

    def close(self) -> None:
        self._db.close()

    def heads(self) -> dict[str, tuple[str, int]]:
        """stream -> (epoch, newest sequence), as far as that can be read."""
        try:
            return {row[0]: (row[1], row[2]) for row in self._db.execute("SELECT name, epoch, head FROM stream")}
        except sqlite3.Error:
            return {}

    def records(self, stream: str, after: int, last: int) -> Iterator[_Row]:
        """The sound records of a stream behind ``after`` up to ``last``, in order."""
        low = base(stream)
        for first in range(after + 1, last + 1, _CHUNK):
            rows = self._between(low + first, low + min(first + _CHUNK - 1, last))
            for key, fact, day, crc, body in rows:
                if crc in (0, checksum(fact, body)):
                    yield _Row(key - low, Entry(stream, body, fact, day))

    def _between(self, first: int, last: int) -> list[tuple[int, bytes | None, int, int, bytes]]:
        """Rows by key; where a page cannot be read, its neighbours still are."""
        sql = "SELECT key, id, day, crc, body FROM record WHERE key BETWEEN ? AND ? ORDER BY key"
        try:
            return [row for row in self._db.execute(sql, (first, last)) if _is_whole(row)]
        except sqlite3.Error:
            if first == last:
                return []
        middle = (first + last) // 2
        return self._between(first, middle) + self._between(middle + 1, last)

    def tables(self) -> Iterator[tuple[str, list[str], list[tuple[Any, ...]]]]:
        """(name, columns, rows) of the tables beside the log, as far as they can be read."""
        try:
            names = [row[0] for row in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        except sqlite3.Error:
            return
        for name in names:
            if name not in _KEPT_APART and not name.startswith("sqlite_"):
                columns, rows = self._all(name)
                yield name, columns, rows

    def _all(self, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        rows: list[tuple[Any, ...]] = []
        columns: list[str] = []
        try:
            cursor = self._db.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name from the file's own schema
            columns = [column[0] for column in cursor.description]
            rows.extend(cursor)
        except sqlite3.Error as error:
            log.warning("table_partly_lost", table=table, rows=len(rows), error=str(error))
        return columns, rows


def damage(path: Path) -> str:
    """What a look through the whole file finds wrong with its structure, on a connection of its own; "" for nothing."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error) if is_fault(error) else ""
    return "" if said == "ok" else said


def _is_whole(row: Sequence[Any]) -> bool:
    return isinstance(row[4], bytes) and isinstance(row[2], int) and (row[1] is None or isinstance(row[1], bytes))


async def carry_tables(path: Path, store: SqliteEventLog) -> None:
    """The tables beside the log, at once: what doors are decided by must not wait for the centre. Raises LogBroken."""
    try:
        with closing(OldStore(path)) as old:
            found = list(old.tables())
    except sqlite3.Error as error:
        log.error("nothing_carried_over", path=str(path), error=str(error))
        return
    for name, columns, rows in found:
        there = {row[1] for row in await store.query(f"PRAGMA table_info({name})")}
        if rows and there.issuperset(columns):
            marks = ",".join("?" * len(columns))
            sql = f"INSERT OR IGNORE INTO {name}({','.join(columns)}) VALUES({marks})"
            await store.write([(sql, rows)])


async def carry_records(
    folder: Path, file: str, store: SqliteEventLog, watermarks: Mapping[tuple[str, str], int]
) -> Salvaged:
    """The records that the centre lacks, appended under the present epochs. Raises LogBroken.

    ``watermarks``: (stream, epoch) -> up to where the centre has it.
    """
    result = Salvaged()
    try:
        old = OldStore(folder / file)
    except sqlite3.Error:
        return result
    with closing(old):
        heads = old.heads()
        for stream in STREAMS:
            epoch, head = heads.get(stream, ("", 0))
            await _carry_stream(folder.name, old, stream, (watermarks.get((stream, epoch), 0), head), store, result)
            if epoch:  # the day that says that this was all of it: what the centre still lacks then is lost
                await store.write([(_CARRIED, [(stream, epoch, CARRIED_ALL, 0)])])
    return result


async def _carry_stream(
    name: str, old: OldStore, stream: str, span: tuple[int, int], store: SqliteEventLog, result: Salvaged
) -> None:
    watermark, head = span
    epoch = old.heads().get(stream, ("", 0))[0]
    rows = await store.query("SELECT through FROM salvaged WHERE folder = ? AND stream = ?", (name, stream))
    begin = max(watermark, rows[0][0] if rows else 0)
    recovered = 0
    for chunk in _chunks(old.records(stream, begin, head)):
        days = Counter(row.entry.day for row in chunk)
        carried = [(stream, epoch, day, count) for day, count in days.items()]
        through = (_THROUGH, [(name, stream, chunk[-1].sequence)])
        await store.append([row.entry for row in chunk], [through, (_CARRIED, carried)])
        recovered += len(chunk)
    result.recovered += recovered
    result.known += min(watermark, head)
    result.unreadable += max(0, head - begin) - recovered


def _chunks(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    chunk: list[_Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
