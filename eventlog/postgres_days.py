"""Positions and partitions by day: ``day << 32 | counter``, so that a day's batches lie in a table of their own.

``day`` counts from 1970-01-01 UTC by the clock of the process that saw the day begin first; one sequence counts for all
processes and is moved on once a day, never back. A day ahead or a clock that steps back puts batches into a neighbour's
table; order and uniqueness never depend on a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from eventlog.log import LogBusy
from eventlog.postgres_link import Connection, Link

DAY_BITS = 32
_EPOCH = date(1970, 1, 1)
_AGAIN = timedelta(minutes=1)

# Held to the transaction's end by whoever makes or drops a day, or moves the sequence.
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('gatehouse days'))"
# A table in use, by a dump for instance, is waited for no longer: behind us everybody else would wait too.
_BRIEFLY = "SET LOCAL lock_timeout = '2s'"
_MOVE_ON = "SELECT setval('batch_position', $1) FROM batch_position WHERE last_value < $1"
# The table of all days first, as everybody takes them; then nobody can add a row between the move and the attaching.
_NO_ROW_COMES_BETWEEN = """LOCK TABLE ONLY batch IN SHARE UPDATE EXCLUSIVE MODE;
LOCK TABLE batch_rest IN ACCESS EXCLUSIVE MODE"""
_TODAY = "SELECT last_value >> 32 FROM batch_position"
_DAYS = """SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'batch'::regclass AND relname <> 'batch_rest' ORDER BY relname"""


def number_of(day: date) -> int:
    return (day - _EPOCH).days


def date_of(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def table_of(number: int) -> str:
    return f"batch_{date_of(number):%Y%m%d}"


def _number_of_table(name: str) -> int:
    return number_of(date.fromisoformat(name.removeprefix("batch_")))


class Days:
    """Begins each day once, and drops days that are over."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._begun = self._made = -1
        self._not_before: datetime | None = None

    async def begin(self, now: datetime) -> None:
        """Before the first append of a day: positions move on to it, and it and the next have their tables.

        Raises LogBroken. A table that cannot be made at once is tried again a minute later; until then batches go to
        ``batch_rest``, from where they are moved.
        """
        day = number_of(now.astimezone(UTC).date())
        if day > self._made and (self._not_before is None or now >= self._not_before):
            await self._make((day, day + 1), now)
        if day > self._begun:
            await self._move_on(day)

    async def _make(self, days: Sequence[int], now: datetime) -> None:
        try:
            async with self._link.transaction("beginning a day") as connection:
                await _alone_and_briefly(connection)
                for day in days:
                    await _make(connection, day)
            self._made = days[0]
        except LogBusy:
            self._not_before = now + _AGAIN

    async def _move_on(self, day: int) -> None:
        async with self._link.transaction("beginning a day") as connection:
            await connection.execute(_ALONE)  # else two could move it, the second one back to where the first began
            await connection.execute(_MOVE_ON, day << DAY_BITS)
        self._begun = day

    async def drop(self, before: int, *, only_empty: bool = False) -> list[int]:
        """Drop the tables of days before ``before``, whatever is in them, or only those with nothing in them.

        The day that positions are at, and those to come, stay. Raises LogBusy where a table is in use.
        """
        async with self._link.transaction("dropping a day") as connection:
            await _alone_and_briefly(connection)
            past = min(before, await connection.fetchval(_TODAY))
            days = [_number_of_table(row[0]) for row in await connection.fetch(_DAYS)]
            over = [day for day in days if day < past]
            if over:
                await connection.execute("LOCK TABLE ONLY batch IN ACCESS EXCLUSIVE MODE")  # no append is on its way in
            return [day for day in over if await _drop(connection, day, only_empty=only_empty)]


async def _alone_and_briefly(connection: Connection) -> None:
    await connection.execute(_ALONE)
    await connection.execute(_BRIEFLY)


async def make_days(connection: Connection, days: Sequence[int]) -> None:
    """The tables of these days, in a transaction that is open: for a log that is put back."""
    await connection.execute(_ALONE)
    for day in days:
        await _make(connection, day)


async def _make(connection: Connection, day: int) -> None:
    """The table of a day, with what lies in ``batch_rest`` of it.

    It is made beside and attached: CREATE ... PARTITION OF would wait for everybody who reads any day.
    """
    table, first, end = table_of(day), day << DAY_BITS, day + 1 << DAY_BITS
    if await connection.fetchval("SELECT to_regclass($1)", table) is not None:
        return
    await connection.execute(_NO_ROW_COMES_BETWEEN)
    await connection.execute(f"CREATE TABLE {table}(LIKE batch INCLUDING ALL)")
    moved = f"DELETE FROM batch_rest WHERE position >= {first} AND position < {end} RETURNING *"  # noqa: S608 - numbers
    await connection.execute(f"WITH moved AS ({moved}) INSERT INTO {table} SELECT * FROM moved")  # noqa: S608
    await connection.execute(f"ALTER TABLE batch ATTACH PARTITION {table} FOR VALUES FROM ({first}) TO ({end})")


async def _drop(connection: Connection, day: int, *, only_empty: bool) -> bool:
    table = table_of(day)
    if only_empty and await connection.fetchval(f"SELECT EXISTS(SELECT FROM {table})"):  # noqa: S608 - our own name
        return False
    await connection.execute(f"DROP TABLE {table}")
    return True
