"""How far each line of numbers was when: what age is counted by, so that no wrong time in a record lets it go early."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from eventlog.sqlite import SqliteEventLog, Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS milestone(
    line TEXT NOT NULL, epoch TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY(line, epoch, at));
"""
EVERY = timedelta(hours=1)
_ADD = "INSERT OR IGNORE INTO milestone(line, epoch, number, at) VALUES(?, ?, ?, ?)"
_LAST = "SELECT coalesce(max(at), '') FROM milestone WHERE at <= ?"
_PASSED = "SELECT coalesce(max(number), 0) FROM milestone WHERE line = ? AND epoch = ? AND at < ?"
_FORGET = "DELETE FROM milestone WHERE at < (SELECT max(at) FROM milestone WHERE at < ?)"


class Reached(msgspec.Struct, frozen=True):
    """The newest number of a line: a stream's sequence in its epoch, or a picture's number."""

    epoch: str
    number: int


async def add(store: SqliteEventLog, reached: Mapping[str, Reached], now: datetime, keep: timedelta) -> None:
    """Note how far each line is, once an hour. ``now`` is a time that somebody vouches for."""
    if (await store.query(_LAST, (_text(now),)))[0][0] > _text(now - EVERY):
        return
    rows = [(line, entry.epoch, entry.number, _text(now)) for line, entry in reached.items()]
    forget = (_FORGET, [(_text(now - keep),)])  # the newest of those older than ``keep`` is the one that counts
    statements: list[Statement] = [(_ADD, rows), forget]
    await store.write(statements)


async def passed(store: SqliteEventLog, line: str, epoch: str, before: datetime) -> int:
    """The number that the line had reached before then: what is up to it is older; 0 where nobody knows."""
    return (await store.query(_PASSED, (line, epoch, _text(before))))[0][0]


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
