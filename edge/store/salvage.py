"""What can still be read of a store that was set aside, carried over to the new one: only what the centre lacks."""

from __future__ import annotations

import asyncio
import re
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
from edge.store import epochs
from edge.store.carve import Carver, Place
from edge.store.happenings import Salvaged
from eventlog.log import Entry
from eventlog.sqlite import SqliteEventLog, is_fault
from eventlog.sqlite_rows import STREAM_SHIFT, base
from eventlog.sqlite_schema import ERRORS

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
_CARRIED_ALL = "INSERT OR REPLACE INTO carried(stream, epoch, day, count) VALUES(?, ?, ?, ?)"
_KEPT_APART = frozenset({"record", "stream", "tally", "let_go", "salvaged"})
_THROUGH = "INSERT OR REPLACE INTO salvaged(folder, stream, through) VALUES(?, ?, ?)"
_NAME_EPOCHS = ("acknowledged", "tally", "let_go")
_FAR = 1_000  # sequences: more than any damage leaves behind the newest record that can be read
_NEAR = 64  # sequences: what a page or two hold
_CHUNK = 500
_STRAY = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of a byte that belongs to no character


class _Row(msgspec.Struct, frozen=True):
    sequence: int
    entry: Entry


class OldStore:
    """A damaged file, read as far as it can be; nothing is written to it. Records come from its pages directly."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, sqlite3.Error."""
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
        self._db.text_factory = _text
        self._carver = Carver(path)
        self._places: list[Place] = []
        self._noted = epochs.read(path.with_name(epochs.FILE))

    def close(self) -> None:
        self._db.close()
        self._carver.close()

    def look(self) -> None:
        """Find every record; a long look in a large file."""
        self._places = self._carver.places()

    def head(self, stream: str) -> int:
        """The newest sequence of a stream, by its row where that can be read, else by the newest record that was there,
        be it one that cannot be read."""
        newest = max((sequence for sequence, _ in self._of(stream)), default=0)
        stated = [head for (head,) in self._rows("SELECT head FROM stream WHERE name = ?", stream)]
        likely = [head for head in stated if isinstance(head, int) and newest <= head <= newest + _FAR]
        return likely[0] if likely else self._newest_there(stream, newest)

    def _newest_there(self, stream: str, newest: int) -> int:
        """From the newest record that can be read on to those behind it that were there; a flipped key lies far off."""
        for key in sorted(self._carver.damaged):
            if newest < key - base(stream) <= newest + _NEAR:
                newest = key - base(stream)
        return newest

    def epochs(self, stream: str) -> list[str]:
        """What the stream's epoch may be called: a flipped bit in one place leaves the others, and the note beside."""
        found = [row[0] for row in self._rows("SELECT epoch FROM stream WHERE name = ?", stream)]
        for table in _NAME_EPOCHS:
            sql = f"SELECT DISTINCT epoch FROM {table} WHERE stream = ? ORDER BY epoch DESC"  # noqa: S608 - our own names
            found += [row[0] for row in self._rows(sql, stream)]
        found += [self._noted[stream]] if stream in self._noted else []
        return [epoch for epoch in found if isinstance(epoch, str)]

    def let_go(self, of: tuple[str, str], span: tuple[int, int]) -> int:
        """How many records of a stream's epoch behind ``span[0]`` up to ``span[1]`` went by rule, unsent."""
        spans = self._rows("SELECT first, last FROM let_go WHERE stream = ? AND epoch = ?", *of)
        return sum(max(0, min(last, span[1]) - max(first, span[0] + 1) + 1) for first, last in spans)

    def _rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except ERRORS:
            return []

    def _of(self, stream: str) -> Iterator[tuple[int, Place]]:
        low = base(stream)
        for place in self._places:
            if low < place.key < low + (1 << STREAM_SHIFT):
                yield place.key - low, place

    def records(self, stream: str, after: int, last: int) -> Iterator[_Row]:
        """The sound records of a stream behind ``after`` up to ``last``, in order."""
        for sequence, place in self._of(stream):
            if after < sequence <= last:
                carved = self._carver.read(place)
                yield _Row(sequence, Entry(stream, carved.body, carved.id, carved.day))

    def tables(self) -> Iterator[tuple[str, list[str], list[tuple[Any, ...]]]]:
        """(name, columns, rows) of the tables beside the log, as far as they can be read."""
        try:
            names = [row[0] for row in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        except ERRORS:
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
            rows.extend(row for row in cursor if all(map(_is_storable, row)))
        except ERRORS as error:
            log.warning("table_partly_lost", table=table, rows=len(rows), error=str(error))
        return columns, rows


def _text(column: bytes) -> str:
    """A text as it lies in the file, which may be none any more."""
    return column.decode("utf-8", "surrogateescape")


def _is_storable(value: object) -> bool:
    """Whether a column is what it was made from: a text with a byte that belongs to no character is not."""
    return not isinstance(value, str) or not _STRAY.search(value)


def damage(path: Path) -> str:
    """What a look through the whole file finds wrong with its structure, on a connection of its own; "" for nothing."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except ERRORS as error:
        return str(error) if is_fault(error) else ""
    return "" if said == "ok" else said


async def carry_tables(path: Path, store: SqliteEventLog) -> None:
    """The tables beside the log, at once: what doors are decided by must not wait for the centre. Raises LogBroken."""
    try:
        with closing(OldStore(path)) as old:
            found = list(old.tables())
    except ERRORS as error:
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
        opened = OldStore(folder / file)
    except (OSError, *ERRORS) as error:
        log.error("nothing_carried_over", path=str(folder / file), error=str(error))
        return result
    with closing(opened) as old:
        await asyncio.to_thread(old.look)
        for stream in STREAMS:
            known = [epoch for of, epoch in watermarks if of == stream and epoch != await store.epoch(stream)]
            epoch = _epoch(old.epochs(stream), known)
            span = (watermarks.get((stream, epoch), 0), old.head(stream))
            await _carry_stream(folder.name, old, (stream, epoch), span, store, result)
            result.unreadable += await _tell_unreadable(old, (stream, epoch), span, store)
    return result


def _epoch(said: Sequence[str], known: Sequence[str]) -> str:
    """The epoch that the centre knows of those the file names; the newest it knows where the file names none.

    ``known`` is without the epoch of now: what was sent in it says nothing of the store that was lost.
    """
    if not said:
        return max(known, default="")  # they sort by age
    return next((epoch for epoch in said if epoch in known), said[0])


async def _carry_stream(
    name: str, old: OldStore, of: tuple[str, str], span: tuple[int, int], store: SqliteEventLog, result: Salvaged
) -> None:
    (stream, epoch), (watermark, head) = of, span
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


async def _tell_unreadable(old: OldStore, of: tuple[str, str], span: tuple[int, int], store: SqliteEventLog) -> int:
    """Write down that this was all of it, and how many records neither the centre has nor could be carried over."""
    sums = "SELECT coalesce(sum(count), 0) FROM carried WHERE stream = ? AND epoch = ? AND day <> ?"
    carried = (await store.query(sums, (*of, CARRIED_ALL)))[0][0]
    unreadable = max(0, span[1] - span[0] - carried - old.let_go(of, span))
    newest = (await store.query("SELECT max(day) FROM tally"))[0][0]
    days = [(*of, newest, 0)] if unreadable and newest is not None else []  # it must stand on some day
    if of[1]:
        await store.write([(_CARRIED_ALL, [(*of, CARRIED_ALL, unreadable)]), (_CARRIED, days)])
    return unreadable


def _chunks(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    chunk: list[_Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
