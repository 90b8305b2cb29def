"""What became of each day's records: read in one transaction, beside the agent and without holding it up."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from domain.days import day_number
from domain.events import STREAMS
from domain.statements import MAX_ROWS, MAX_UNTAKEN, Carried, Present, Row, Statement, Untaken
from eventlog.sqlite_rows import STREAM_SHIFT, base
from eventlog.sqlite_rows import Statement as Sql

SCHEMA = """
CREATE TABLE IF NOT EXISTS untaken(
    day INTEGER, reason TEXT, count INTEGER NOT NULL, PRIMARY KEY(day, reason)) WITHOUT ROWID;
"""
_TAKEN = frozenset({"messages", "events"})  # counts of the intake that are no messages turned away
_ADD = """INSERT INTO untaken(day, reason, count) VALUES(?, ?, ?)
ON CONFLICT(day, reason) DO UPDATE SET count = count + excluded.count"""
_FORGET = "DELETE FROM untaken WHERE day < ?"
_UNTAKEN_DAYS = 40
_BUSY_S = 10.0
_TRIES = 10

# The page of a record's body that overflows is not read for this: day and key stand before it.
_HELD = """SELECT day, count(*), count(CASE WHEN key > ? THEN 1 END) FROM record
WHERE key > ? AND key < ? GROUP BY day"""
_TALLY = "SELECT stream, epoch, day, produced, trimmed, dropped FROM tally"
_CARRIED = "SELECT stream, epoch, day, count FROM carried ORDER BY epoch DESC, day LIMIT ?"
_UNTAKEN = "SELECT day, reason, count FROM untaken ORDER BY day DESC, reason LIMIT ?"


class NotSettled(Exception):
    """The centre knew more than the log's snapshot at each try; said at most in the midst of a restore: try later."""


class Reckoning(msgspec.Struct, frozen=True):
    """What the log says of itself at one moment, the newest days first."""

    streams: dict[str, Present]
    rows: list[Row]
    untaken: list[Untaken]
    carried: list[Carried] = []

    def statement(self, made_at: datetime, zone: ZoneInfo, known: Mapping[tuple[str, str, int], Row]) -> Statement:
        """A statement of what is held, and of what changed since ``known``, the rows stated before."""
        rows = [row for row in self.rows if row.held or _changed(row, known.get(row.key))]
        return Statement(made_at, zone.key, self.streams, rows, self.untaken, self.carried)  # type: ignore[arg-type]


def _changed(row: Row, before: Row | None) -> bool:
    return before is None or msgspec.structs.replace(before, through=row.through) != row


Acknowledged = Callable[[], Mapping[str, int]]


def reckon(file: Path, acknowledged: Acknowledged | None = None) -> Reckoning:
    """Each day's numbers, in one read transaction on a connection of their own. Raises NotSettled, sqlite3.Error.

    ``acknowledged`` tells the centre's watermarks. They are asked for once the snapshot stands: then whatever the
    snapshot says was let go lies below them, and the centre, counting up to them, must have had it. Without it, the
    watermarks that the agent last left in the file count.
    """
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)) as db:
        for _ in range(_TRIES):
            db.execute("BEGIN")
            streams = _present(db, acknowledged)
            if streams is not None:
                return Reckoning(streams, _rows(db, streams), _untaken(db), _carried(db))
            db.execute("ROLLBACK")
    raise NotSettled(f"{file}: the centre's watermark lay beyond the log's head {_TRIES} times")


def _present(db: sqlite3.Connection, acknowledged: Acknowledged | None) -> dict[str, Present] | None:
    """Each stream with its watermark; None where one lies beyond the snapshot, which then is too old for it."""
    heads = {row[0]: (row[1], row[2]) for row in db.execute("SELECT name, epoch, head FROM stream")}
    known = acknowledged() if acknowledged else _remembered(db, heads)
    if any(known.get(name, 0) > head for name, (_, head) in heads.items()):
        return None
    return {name: Present(epoch, known.get(name, 0)) for name, (epoch, _) in heads.items()}


def _remembered(db: sqlite3.Connection, heads: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    rows = db.execute("SELECT stream, epoch, sequence FROM acknowledged").fetchall()
    return {stream: min(sequence, heads[stream][1]) for stream, epoch, sequence in rows if heads[stream][0] == epoch}


def _rows(db: sqlite3.Connection, streams: Mapping[str, Present]) -> list[Row]:
    tally = {(row[0], row[1], row[2]): row[3:] for row in db.execute(_TALLY)}
    held: dict[tuple[str, str, int], tuple[int, int]] = {}
    for name in STREAMS:
        low, present = base(name), streams[name]
        args = (low + present.through, low, low + (1 << STREAM_SHIFT))
        held |= {(name, present.epoch, day): (count, unsent) for day, count, unsent in db.execute(_HELD, args)}
    rows = [_row(key, tally.get(key, (0, 0, 0)), held.get(key, (0, 0)), streams) for key in tally.keys() | held.keys()]
    return sorted(rows, key=lambda row: (-row.day, row.stream, row.epoch))[:MAX_ROWS]


def _row(
    key: tuple[str, str, int], tally: tuple[int, int, int], held: tuple[int, int], streams: Mapping[str, Present]
) -> Row:
    stream, epoch, day = key
    produced, trimmed, dropped = tally
    through = streams[stream].through if streams[stream].epoch == epoch else 0
    return Row(stream, epoch, day, produced, *held, trimmed, dropped, through)  # type: ignore[arg-type]


def _carried(db: sqlite3.Connection) -> list[Carried]:
    return [Carried(*row) for row in db.execute(_CARRIED, (MAX_ROWS,))]


def _untaken(db: sqlite3.Connection) -> list[Untaken]:
    return sorted(Untaken(*row) for row in db.execute(_UNTAKEN, (MAX_UNTAKEN,)))


class UntakenCount:
    """Keeps by day what the intake turned away: written with the house-keeping, so a kill may lose a minute of it."""

    def __init__(self) -> None:
        self._written: Counter[str] = Counter()

    def statements(self, counts: Mapping[str, int], now: datetime, zone: ZoneInfo) -> list[Sql]:
        """What to write for the counts since the start; nothing where nothing was turned away since the last call."""
        fresh = Counter({reason: count for reason, count in counts.items() if reason not in _TAKEN}) - self._written
        if not fresh:
            return []
        self._written += fresh
        day = day_number(now, zone)
        rows = [(day, reason, count) for reason, count in fresh.items()]
        return [(_ADD, rows), (_FORGET, [(day - _UNTAKEN_DAYS,)])]
