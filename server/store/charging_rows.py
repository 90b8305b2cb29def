"""Charging of cars as the centre knows it: sessions folded from charge points' records, at a complex's prices."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.charging import Charging, Prices, Record, fold
from server.store.engine import stamp, unstamp
from server.store.schema import bill_setting, charging_record

_LONGEST = timedelta(days=3)  # of a session: so far back its start is looked for


class Drawn(msgspec.Struct, frozen=True):
    """A session that ended, and what it costs."""

    session: Charging
    energy_fen: int
    service_fen: int

    @property
    def id(self) -> str:
        return self.session.id

    @property
    def fee_fen(self) -> int:
        return self.energy_fen + self.service_fen


async def prices_of(connection: AsyncConnection, complex_id: str) -> Prices:
    """Nothing is charged where nobody has said what it costs."""
    table = bill_setting
    query = select(table.c.value).where(table.c.complex == complex_id, table.c.name == "charging")
    found = (await connection.execute(query)).scalar()
    return Prices() if found is None else msgspec.convert(found, Prices)


async def of_day(connection: AsyncConnection, complex_id: str, first: datetime, after: datetime) -> list[Drawn]:
    """The sessions that ended in ``[first, after)``."""
    table = charging_record
    where = (table.c.occurred_at >= stamp(first - _LONGEST), table.c.occurred_at < stamp(after))
    query = select(table).where(table.c.complex == complex_id, *where).order_by(table.c.occurred_at, table.c.id)
    records = [
        Record(row.device, row.point, row.state, unstamp(row.occurred_at), row.transaction, row.meter_wh)
        for row in await connection.execute(query)
    ]
    prices = await prices_of(connection, complex_id)
    ended = [one for one in fold(records) if one.stopped_at is not None and first <= one.stopped_at < after]
    return [Drawn(one, one.energy_fen(prices), one.service_fen(prices)) for one in ended]
