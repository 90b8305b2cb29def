"""A month of a complex in figures: its alerts, its matters, its noisiest sources, and how much it was online."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import online_rows, overview_rows
from server.store.duty_tables import duty_state, noise
from server.store.engine import stamp
from server.store.online_rows import Heard, Online
from server.store.schema import alert, gateway

MOST_MATTERS, TOP = 50_000, 8


class Within(NamedTuple):
    """A complex, and from when until before when."""

    complex: str
    first: datetime
    end: datetime

    def holds(self, complexes: Any, times: Any) -> ColumnElement[bool]:
        return and_(complexes == self.complex, times >= stamp(self.first), times < stamp(self.end))


class MatterRow(NamedTuple):
    """A matter that came onto the ladder. Seconds from its opening; None where nobody took it, where it goes on."""

    severity: str
    status: str
    climbed_to: str | None
    at_top: int
    taken_s: int | None
    ended_s: int | None
    ended_why: str | None


class Noisy(NamedTuple):
    """A source: its alerts, those that were judged, those that were none."""

    device: str
    rule: str
    alerts: int
    judged: int
    false: int


async def alerts(connection: AsyncConnection, within: Within) -> Mapping[tuple[str, str], int]:
    """Category and severity -> how many happened."""
    keys = (alert.c.category, alert.c.severity)
    query = select(*keys, func.count()).where(within.holds(alert.c.complex, alert.c.occurred_at)).group_by(*keys)
    return {(category, severity): count for category, severity, count in (await connection.execute(query)).all()}


async def matters(connection: AsyncConnection, within: Within) -> list[MatterRow]:
    """Those that were opened then, the newest of more than MOST_MATTERS."""
    columns = (duty_state.c[name] for name in MatterRow._fields)
    query = select(*columns).where(within.holds(duty_state.c.complex, duty_state.c.opened_at))
    rows = await connection.execute(query.order_by(duty_state.c.opened_at.desc()).limit(MOST_MATTERS))
    return [MatterRow(*row) for row in rows.all()]


async def noisiest(connection: AsyncConnection, within: Within) -> list[Noisy]:
    """The loudest sources."""
    keys = (alert.c.device, alert.c.rule)
    judged, false = func.count(noise.c.alert), func.coalesce(func.sum(noise.c.is_false), 0)
    query = select(*keys, func.count(), judged, false).outerjoin(noise, noise.c.alert == alert.c.id)
    query = query.where(within.holds(alert.c.complex, alert.c.occurred_at)).group_by(*keys)
    rows = await connection.execute(query.order_by(func.count().desc(), *keys).limit(TOP))
    return [Noisy(*row) for row in rows.all()]


async def judged(connection: AsyncConnection, within: Within) -> tuple[int, int]:
    """Of the alerts how many people judged, and how many of those were none."""
    query = select(func.count(), func.coalesce(func.sum(noise.c.is_false), 0)).select_from(alert)
    query = query.join(noise, noise.c.alert == alert.c.id)
    row = (await connection.execute(query.where(within.holds(alert.c.complex, alert.c.occurred_at)))).one()
    return (row[0], row[1])


async def online(connection: AsyncConnection, within: Within, now: datetime) -> tuple[Online, datetime | None]:
    """What of the time should be, and was; and from when on it is known, where that is not from the beginning."""
    first, end = within.first, min(within.end, now)
    here = and_(gateway.c.complex == within.complex, gateway.c.enrolled_at < stamp(end))
    chosen = and_(here, or_(gateway.c.replaced_at.is_(None), gateway.c.replaced_at > stamp(first)))
    heard = await online_rows.heard(connection, chosen, first, end)
    its: Sequence[online_rows.Gateway] = await overview_rows.gateways(connection, chosen)
    total = Online()
    for one in its:
        total = total.plus(online_rows.online(one, heard.get(one.id, Heard()), first, end))
    known = min((one.counted_since for one in its), default=first)
    return total, known if known > first else None
