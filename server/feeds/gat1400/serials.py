"""Serials of identifiers in the database: durable before anybody sees them, and a record keeps what it once got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.viid.serials import Issued, Wanted, issue
from domain.viid.times import read_stamp, stamp
from server.store.bulk import insert, look_up
from server.store.engine import Database
from server.store.viid_number_tables import viid_serial

KEPT_FOR = timedelta(days=90)
_AHEAD = timedelta(days=1)
_FULL_SECONDS = timedelta(seconds=9)  # that may follow each other
_COLUMNS = ("code", "record", "second", "first", "last")
_OF_RECORD = """SELECT v.code, v.record, v.second, v.first FROM wanted CROSS JOIN viid_serial v
WHERE v.code = wanted.code AND v.record = wanted.record"""
_IN_SECONDS = """SELECT v.code, v.second, max(v.last) FROM wanted CROSS JOIN viid_serial v
WHERE v.code = wanted.code AND v.second BETWEEN wanted.since AND wanted.until GROUP BY v.code, v.second"""


class SerialsInDatabase:
    """The port of domain.viid.serials; one at a time over all processes."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now

    async def take(self, wanted: Sequence[Wanted]) -> Sequence[Issued]:
        async with self._db.write() as connection:
            known = await _known(connection, wanted)
            known |= await self._issue(connection, [one for one in wanted if (one.code, one.record) not in known])
        return [known[one.code, one.record] for one in wanted]

    async def forget(self) -> None:
        """Rows of seconds that are issued no more."""
        before = stamp(self._now() - KEPT_FOR - _AHEAD)
        async with self._db.write() as connection:
            await connection.execute(delete(viid_serial).where(viid_serial.c.second < before))

    async def _issue(self, connection: AsyncConnection, wanted: Sequence[Wanted]) -> dict[tuple[str, bytes], Issued]:
        placed = [Wanted(one.record, one.code, self._sound(one.at), one.count) for one in wanted]
        last = await _last(connection, placed)
        found: dict[tuple[str, bytes], Issued] = {}
        rows: list[tuple[object, ...]] = []
        for one in placed:
            if (one.code, one.record) in found:
                continue
            issued = found[one.code, one.record] = issue(one, last)
            second, until = stamp(issued.at), issued.first + one.count - 1
            last[one.code, second] = until
            rows.append((one.code, one.record, second, issued.first, until))
        await insert(connection, viid_serial, _COLUMNS, rows)
        return found

    def _sound(self, at: datetime) -> datetime:
        """A time whose serials are still known; of others this moment is taken, so that none is ever given twice."""
        now = self._now()
        return at if now - KEPT_FOR <= at <= now + _AHEAD else now


async def _known(connection: AsyncConnection, wanted: Sequence[Wanted]) -> dict[tuple[str, bytes], Issued]:
    keys = [(one.code, one.record) for one in wanted]
    rows = await look_up(connection, {"code": "varchar", "record": "bytea"}, keys, _OF_RECORD)
    return {(code, bytes(record)): Issued(read_stamp(second), first) for code, record, second, first in rows}


async def _last(connection: AsyncConnection, wanted: Sequence[Wanted]) -> dict[tuple[str, str], int]:
    spans = {(one.code, stamp(one.at), stamp(one.at + _FULL_SECONDS)) for one in wanted}
    columns = {"code": "varchar", "since": "varchar", "until": "varchar"}
    rows = await look_up(connection, columns, sorted(spans), _IN_SECONDS)
    return {(code, second): last for code, second, last in rows}
