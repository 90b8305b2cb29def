"""The tables of the edge's log file, and how an older file becomes a present one."""

from __future__ import annotations

import errno
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from eventlog.log import LogBroken, LogBusy, LogCorrupt, LogFull, LogRefused

T = TypeVar("T")

# Where a flipped byte lies in the schema's words or in a text, Python cannot make a string of what SQLite says of it.
ERRORS = (sqlite3.Error, UnicodeDecodeError)
_NO_TEXT = "Could not decode to UTF-8"  # sqlite3's own error about a column: it has no name of SQLite's

# Additive only: a newer program adds tables and columns with defaults, so that the one before still runs on the file
# when an upgrade is taken back. See docs/decisions/0015-upgrade.md.
VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS stream(name TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record(
    key INTEGER PRIMARY KEY, id BLOB, day INTEGER NOT NULL DEFAULT 0, crc INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record(id) WHERE id IS NOT NULL;
CREATE TABLE IF NOT EXISTS tally(
    stream TEXT, epoch TEXT, day INTEGER, produced INTEGER NOT NULL DEFAULT 0, trimmed INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(stream, epoch, day)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS let_go(
    stream TEXT, epoch TEXT, first INTEGER, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY(stream, epoch, first)) WITHOUT ROWID;
"""

Column = tuple[str, str, str]  # table, name, definition: what a file of an older version may lack

_COLUMNS: tuple[Column, ...] = (
    ("record", "day", "INTEGER NOT NULL DEFAULT 0"),
    ("record", "crc", "INTEGER NOT NULL DEFAULT 0"),
)
# Records from before there was a day are counted under day 0.
_COUNT_OLD = """INSERT OR IGNORE INTO tally(stream, epoch, day, produced)
SELECT name, epoch, 0, count(key) FROM stream LEFT JOIN record
ON key >> 48 = CASE name WHEN 'urgent' THEN 0 WHEN 'money' THEN 1 ELSE 2 END GROUP BY name;"""


async def connect(path: Path, *, synchronous: str = "FULL") -> aiosqlite.Connection:
    """A connection in WAL mode whose commits reach the disk. Raises LogBroken where SQLite does not grant that."""
    try:
        connection = await aiosqlite.connect(path, isolation_level=None)
    except (*ERRORS, OSError) as error:
        raise broken(error, str(path)) from error
    try:
        await connection.execute("PRAGMA busy_timeout=10000")
        await connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # only in an empty file: room goes back to the disk
        await connection.create_function("moved_checksum", 5, moved_checksum, deterministic=True)  # pyright: ignore
        mode = await scalar(connection, "PRAGMA journal_mode=WAL")
        await connection.execute(f"PRAGMA synchronous={synchronous}")
        if mode != "wal":
            raise LogBroken(f"{path}: SQLite gives journal mode {mode!r} here, not WAL; use a local file system")
    except (*ERRORS, LogBroken) as error:
        await connection.close()
        raise broken(error, str(path)) from error
    return connection


async def in_thread(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run what needs many statements, without a way back after each of them."""
    own: Any = connection
    return await own._execute(work, own._conn)


async def scalar(connection: aiosqlite.Connection, sql: str, args: tuple[Any, ...] = ()) -> Any:
    """The first column of the first row, or None."""
    async with connection.execute(sql, args) as cursor:
        row = await cursor.fetchone()
    return None if row is None else row[0]


async def prepare(connection: aiosqlite.Connection, own_tables: str, own_columns: Sequence[Column]) -> None:
    """Make or upgrade the tables. Raises LogBroken for a file that a newer program made."""
    version = await scalar(connection, "PRAGMA user_version")
    if version > VERSION:
        raise LogBroken(f"the log is of version {version}, this program knows {VERSION}: install a newer one")
    lacked = (*(_COLUMNS if version < VERSION else ()), *own_columns)
    script = [await _lacks(connection, lacked), SCHEMA, own_tables]
    if version < VERSION:
        script += [_COUNT_OLD, f"PRAGMA user_version={VERSION};"]
    await connection.executescript(f"BEGIN IMMEDIATE;{''.join(script)}COMMIT;")
    await _check(connection, own_tables)


async def _check(connection: aiosqlite.Connection, own_tables: str) -> None:
    """Raises LogCorrupt where a table lacks a column: a flipped bit may lie in the schema's own words."""
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(SCHEMA + own_tables)
        tables = [row[0] for row in model.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        wanted = {table: _columns(model.execute(f"PRAGMA table_info({table})")) for table in tables}
    for table, columns in wanted.items():
        lacking = columns - _columns(await connection.execute_fetchall(f"PRAGMA table_info({table})"))
        if lacking:
            raise LogCorrupt(f"the table {table} has no {', '.join(sorted(lacking))}")


def _columns(rows: Iterable[Sequence[Any]]) -> set[str]:
    return {row[1] for row in rows}


async def _lacks(connection: aiosqlite.Connection, columns: Sequence[Column]) -> str:
    """The statements that add columns to tables that are there and lack them."""
    statements: list[str] = []
    for table, name, definition in columns:
        there = {row[1] for row in await connection.execute_fetchall(f"PRAGMA table_info({table})")}
        if there and name not in there:
            statements.append(f"ALTER TABLE {table} ADD COLUMN {name} {definition};")
    return "".join(statements)


def checksum(key: int, fact_id: bytes | None, body: bytes) -> int:
    """What is kept beside a record to know it again: CRC-32 over its id and its bytes, begun with its key, for a record
    that came under another number would be sent a second time; never 0, which is 'none'."""
    return zlib.crc32(body, zlib.crc32(fact_id or b"", (key ^ key >> 32) & 0xFFFF_FFFF)) or 1


def moved_checksum(key: int, moved: int, fact_id: bytes | None, crc: int, body: bytes) -> int:
    """The checksum of a record that gets the key ``moved``; one that did not hold does not hold afterwards."""
    return checksum(moved, fact_id, body) if crc == checksum(key, fact_id, body) else crc


_KINDS: tuple[tuple[tuple[str, ...], type[LogBroken]], ...] = (
    (("SQLITE_FULL",), LogFull),
    (("SQLITE_BUSY", "SQLITE_LOCKED"), LogBusy),
    (("SQLITE_CORRUPT", "SQLITE_NOTADB"), LogCorrupt),
    (("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL"), LogBroken),
    (("SQLITE_",), LogRefused),
)


def broken(error: BaseException, what: str) -> LogBroken:
    """An error of SQLite or of the disk as one of ours, told by its own name and not by its words."""
    if isinstance(error, LogBroken):
        return error
    if isinstance(error, OSError):
        return (LogFull if error.errno == errno.ENOSPC else LogBroken)(f"{what}: {error}")
    if is_undecodable(error):
        return LogCorrupt(f"{what}: {error}")
    name = getattr(error, "sqlite_errorname", None) or ""
    if not name:  # not SQLite's own: the connection was closed under the statement, while the file is being reopened
        return LogBusy(f"{what}: {error}")
    kind = next(kind for begins, kind in _KINDS if name.startswith(begins))
    return kind(f"{what}: {error}")


def is_undecodable(error: BaseException) -> bool:
    """Whether there is text in the file that is none: every text of ours is UTF-8."""
    return isinstance(error, UnicodeDecodeError) or str(error).startswith(_NO_TEXT)
