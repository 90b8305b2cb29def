"""Looks at the agent's file beside a running agent: read-only, without waiting, without making anything."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.status import StreamStatus
from edge.store import FILE
from eventlog.sqlite import first_key

_BUSY_S = 10.0


class NoLog(Exception):
    """There is no log to look at; says where it was looked for."""


class LogEvent(msgspec.Struct, frozen=True):
    """One record of the log as it lies there."""

    stream: str
    position: int
    body: bytes


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to the log in ``folder``. Raises NoLog, sqlite3.Error."""
    path = folder / FILE
    if not path.is_file():
        raise NoLog(f"no {FILE} in {folder}: the agent has not run there yet")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def streams(db: sqlite3.Connection) -> dict[str, StreamStatus]:
    """Every stream as the file has it; the watermark is the one remembered last, up to a minute old."""
    rows = db.execute("SELECT stream, epoch, sequence FROM acknowledged").fetchall()
    known = {(stream, epoch): sequence for stream, epoch, sequence in rows}
    found = db.execute("SELECT name, epoch, head FROM stream ORDER BY rowid").fetchall()
    return {name: StreamStatus(epoch, head, known.get((name, epoch), 0)) for name, epoch, head in found}


def read(db: sqlite3.Connection, stream: str, after: int, limit: int) -> list[LogEvent]:
    """At most ``limit`` records of a stream behind position ``after``, in order."""
    base, end = first_key(stream, 0), first_key(stream, 0) + first_key("", 1)
    raise NotImplementedError


def count(db: sqlite3.Connection, table: str) -> int:
    return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
