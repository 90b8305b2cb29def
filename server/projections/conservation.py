"""How many records of each day a batch brought: the centre's side of each gateway's statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.days import day_number
from domain.places import Place
from server.batches import Batch
from server.store.bulk import upsert
from server.store.schema import CONSERVATION_TABLES, batch_day

_COLUMNS = ("gateway", "stream", "epoch", "position", "day", "first", "count")


class Conservation:
    """The conservation projection: a row a batch and day. Days are of the complex's own clock, as at its gateway."""

    name = "conservation"
    tables: tuple[Table, ...] = CONSERVATION_TABLES

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        rows = [row for batch in batches for row in self._rows(batch)]
        await upsert(connection, batch_day, _COLUMNS, rows)

    def _rows(self, batch: Batch) -> Iterator[tuple[object, ...]]:
        zone, header = self._places.get(batch.complex, Place()).zone, batch.header
        for day, count in _days(batch.recorded_at, zone).items():
            yield header.gateway, header.stream, header.epoch, batch.position, max(0, day), header.first, count


def _days(times: list[datetime], zone: tzinfo) -> Counter[int]:
    """How many of the times lie on each day. Most batches are of one day, and need no look at each time: between two
    times of one day that are as far from UTC, no clock was put back over midnight and forth again."""
    first, last = min(times).astimezone(zone), max(times).astimezone(zone)
    if first.date() == last.date() and first.utcoffset() == last.utcoffset():
        return Counter({day_number(first, zone): len(times)})
    return Counter(day_number(time, zone) for time in times)
