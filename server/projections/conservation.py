"""How many records of each day a batch brought: the centre's side of each gateway's statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.days import day_number
from domain.places import Place
from domain.wire import Header
from server.facts import Fact
from server.store.schema import CONSERVATION_TABLES, batch_day
from server.store.upsert import insert


class Conservation:
    """The conservation projection: a row a batch and day. Days are of the complex's own clock, as at its gateway."""

    name = "conservation"
    tables: tuple[Table, ...] = CONSERVATION_TABLES

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places

    async def fold(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        headers: dict[int, Header] = {fact.position: fact.header for fact in facts}
        counts = Counter((fact.position, self._day(fact)) for fact in facts)
        rows = [_row(headers[position], position, day, count) for (position, day), count in counts.items()]
        if rows:
            statement = insert(batch_day)
            keys = [column.name for column in batch_day.primary_key]
            again = statement.on_conflict_do_update(index_elements=keys, set_={"count": statement.excluded.count})
            await connection.execute(again, rows)

    def _day(self, fact: Fact) -> int:
        zone = self._places.get(fact.complex, Place()).zone
        return max(0, day_number(fact.event.recorded_at or fact.received_at, zone))


def _row(header: Header, position: int, day: int, count: int) -> dict[str, str | int]:
    of = {"gateway": header.gateway, "stream": header.stream, "epoch": header.epoch}
    return {**of, "position": position, "day": day, "first": header.first, "count": count}
