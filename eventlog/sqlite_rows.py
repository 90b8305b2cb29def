"""The statements of the edge's log: keys, numbering, counting by day, letting go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from domain.events import STREAMS
from eventlog.log import Entry, Span
from eventlog.sqlite_schema import checksum

# A record's key is its stream's number and its sequence in one integer, so that the table itself is the index: the
# records of a stream lie side by side, and an append touches one page instead of two.
STREAM_SHIFT = 48
STREAM_NUMBER = {name: number for number, name in enumerate(STREAMS)}

Statement = tuple[str, Sequence[Sequence[Any]]]
Row = tuple[int, bytes | None, int, int, bytes]

INSERT = "INSERT INTO record(key, id, day, crc, body) VALUES(?, ?, ?, ?, ?)"
READ = "SELECT key, id, crc, body FROM record WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
_COUNT = """INSERT INTO tally(stream, epoch, day, {what}) VALUES(?, ?, ?, ?)
ON CONFLICT(stream, epoch, day) DO UPDATE SET {what} = {what} + excluded.{what}"""
_PRODUCED = _COUNT.format(what="produced")
_LET_GO = {"trimmed": _COUNT.format(what="trimmed"), "capacity": _COUNT.format(what="dropped")}


class Numbered(msgspec.Struct):
    """Entries as rows: the sequence of each (None for a repeat), the rows, and how many a stream and day."""

    sequences: list[int | None]
    rows: list[Row]
    days: Counter[tuple[str, int]]


def base(stream: str) -> int:
    """The key before a stream's first."""
    return STREAM_NUMBER[stream] << STREAM_SHIFT


def number(entries: Sequence[Entry], known: set[bytes], heads: dict[str, int]) -> Numbered:
    """Sequences and rows for entries that are no repeats; moves ``heads`` and adds to ``known``."""
    numbered = Numbered([], [], Counter())
    for entry in entries:
        if entry.id is not None and entry.id in known:
            numbered.sequences.append(None)
            continue
        if entry.id is not None:
            known.add(entry.id)
        sequence = heads[entry.stream] = heads[entry.stream] + 1
        numbered.sequences.append(sequence)
        key = base(entry.stream) + sequence
        crc = checksum(key, entry.id, entry.body)
        numbered.rows.append((key, entry.id, entry.day, crc, entry.body))
        numbered.days[entry.stream, entry.day] += 1
    return numbered


def counted(days: Counter[tuple[str, int]], epochs: Mapping[str, str]) -> Statement:
    """The counting of what is appended."""
    return _PRODUCED, [(stream, epochs[stream], day, count) for (stream, day), count in days.items()]


def letting_go(stream: str, epoch: str, span: Span, days: Mapping[int, int]) -> list[Statement]:
    """Deletes a stream's records of a span, counts them by day, and remembers why they went."""
    listed = """INSERT INTO let_go(stream, epoch, first, last, reason) VALUES(?, ?, ?, ?, ?)
    ON CONFLICT(stream, epoch, first) DO UPDATE SET last = excluded.last"""
    return [
        ("DELETE FROM record WHERE key >= ? AND key <= ?", [(base(stream) + 1, base(stream) + span.last)]),
        (_LET_GO[span.reason], [(stream, epoch, day, count) for day, count in days.items()]),
        (listed, [(stream, epoch, span.first, span.last, span.reason)]),
    ]


def rewriting(rows: Iterable[tuple[int, bytes | None, bytes]]) -> Statement:
    """Gives records (key, id of the fact) other bytes."""
    changed = [(body, checksum(key, fact_id, body), key) for key, fact_id, body in rows]
    return "UPDATE record SET body = ?, crc = ? WHERE key = ?", changed


def renumbering(stream: str, epochs: tuple[str, str], gone: int) -> list[Statement]:
    """Moves a stream's kept records from one epoch to the next, ``gone`` sequences lower; what the old epoch counted
    as held is counted as let go there, and as produced in the new one."""
    old, new = epochs
    low, high = base(stream), base(stream) + (1 << STREAM_SHIFT)
    again = """INSERT INTO tally(stream, epoch, day, produced)
    SELECT ?, ?, day, count(*) FROM record WHERE key > ? AND key < ? GROUP BY day"""
    # Two steps: a row's new key may be another row's old one, and SQLite looks at the key after each row.
    aside = -(1 << 62)
    moved = """UPDATE record SET key = key + ?, crc = moved_checksum(key, key - ?, id, crc, body)
    WHERE key > ? AND key < ?"""
    return [
        ("UPDATE tally SET trimmed = produced - dropped WHERE stream = ? AND epoch = ?", [(stream, old)]),
        (again, [(stream, new, low, high)]),
        (moved, [(aside, gone, low, high)]),
        ("UPDATE record SET key = key - ? WHERE key < 0", [(aside + gone,)]),
        ("UPDATE stream SET epoch = ?, head = head - ? WHERE name = ?", [(new, gone, stream)]),
    ]
