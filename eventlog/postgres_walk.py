"""A walk through the whole log in PostgreSQL, in order of key and sequence, for what is damaged or lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from eventlog.batches import Walk
from eventlog.log import Wanted
from eventlog.postgres_link import Connection, Link

_AT_ONCE, _SORTING_S = 200, 3_600.0
# Rows are sorted without their bodies, which are fetched some at a time.
_ROWS = "SELECT gateway, stream, epoch, first, last, position FROM batch ORDER BY gateway, stream, epoch, first"
_BODIES = "SELECT position, body FROM batch WHERE position = ANY($1::bigint[])"
# What was let go when its term was over is no loss either.
_GAPS = """SELECT gateway, stream, epoch, first, last FROM gap
UNION ALL SELECT gateway, stream, epoch, first, last FROM expired_range ORDER BY first"""
_MARKS = "SELECT gateway, stream, epoch, last FROM mark"


async def damaged_and_lost(link: Link) -> AsyncIterator[Wanted]:
    """What is damaged or lost in the log as it is at this moment. Raises LogBroken."""
    whole = link.transaction("a walk through the log", isolation="repeatable_read", readonly=True)
    async with whole as connection:
        walk = Walk([tuple(row) for row in await connection.fetch(_GAPS)])
        marks = {(row[0], row[1], row[2]): row[3] for row in await connection.fetch(_MARKS)}
        async for rows in _some_at_a_time(connection):
            for found in await _look_at(connection, rows, walk):
                yield found
    for found in walk.end(marks):
        yield found


async def _some_at_a_time(connection: Connection) -> AsyncIterator[list[Sequence[Any]]]:
    rows: list[Sequence[Any]] = []
    async for row in connection.cursor(_ROWS, prefetch=_AT_ONCE, timeout=_SORTING_S):
        rows.append(row)
        if len(rows) == _AT_ONCE:
            yield rows
            rows = []
    yield rows


async def _look_at(connection: Connection, rows: Sequence[Sequence[Any]], walk: Walk) -> list[Wanted]:
    bodies = {row[0]: row[1] for row in await connection.fetch(_BODIES, [row[5] for row in rows])}
    found: list[Wanted] = []
    for gateway, stream, epoch, first, last, position in rows:
        found += walk.row((gateway, stream, epoch), first, last, bodies[position])
    return found
