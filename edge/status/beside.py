"""Looks at the agent's file beside a running agent: read-only, in short looks, without making anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from edge.status.status import StreamStatus
from edge.store.file import FILE
from eventlog.log import Record
from eventlog.sqlite_rows import STREAM_SHIFT, base

_BUSY_S = 10.0


class NoLog(Exception):
    """There is no log to look at; says where it was looked for."""


@contextmanager
def opened(folder: Path) -> Generator[sqlite3.Connection]:
    """A read-only connection to the log in ``folder``. Raises NoLog, sqlite3.Error."""
    path = folder / FILE
    if not path.is_file():
        raise NoLog(f"no {FILE} in {folder}: the agent has not run there yet")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        yield connection
    except UnicodeDecodeError as error:  # SQLite's words about a damaged file, which sqlite3 could not make a string of
        raise sqlite3.DatabaseError(f"{path} is damaged: {error}") from error
    finally:
        connection.close()


def streams(db: sqlite3.Connection) -> dict[str, StreamStatus]:
    """Every stream as the file has it; the watermark is the one remembered last, up to a minute old."""
    rows = db.execute("SELECT stream, epoch, sequence FROM acknowledged").fetchall()
    known = {(stream, epoch): sequence for stream, epoch, sequence in rows}
    found = db.execute("SELECT name, epoch, head FROM stream ORDER BY rowid").fetchall()
    return {name: StreamStatus(epoch, head, known.get((name, epoch), 0)) for name, epoch, head in found}


def read(db: sqlite3.Connection, stream: str, after: int, limit: int) -> list[Record]:
    """At most ``limit`` records of a stream behind position ``after``, in order; not checked for damage."""
    low = base(stream)
    sql = "SELECT key, body FROM record WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
    rows = db.execute(sql, (low + after, low + (1 << STREAM_SHIFT), limit)).fetchall()
    return [Record(key - low, body) for key, body in rows]


def parked_by_reason(db: sqlite3.Connection) -> dict[str, int]:
    """How many messages are parked for each reason."""
    return dict(db.execute("SELECT reason, count(*) FROM parked GROUP BY reason ORDER BY reason").fetchall())


def tables(db: sqlite3.Connection) -> dict[str, int]:
    """Rows of each table of the file."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
