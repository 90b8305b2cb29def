"""What the overview is made of: each figure in one statement over all complexes of a scope."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import online_rows
from server.store.engine import stamp, unstamp
from server.store.online_rows import Gateway, Heard, Online
from server.store.place_views import complexes_below
from server.store.schema import alert, area_within, complex_, duty_state, gateway, gateway_health
from server.store.scope import Scope, within

TOP = 10


class Matters(NamedTuple):
    """Matters that nobody has, and that somebody has; of the first those that climbed, and that the top let lie."""

    open: int = 0
    taken: int = 0
    overdue: int = 0
    at_top: int = 0

    def plus(self, other: Matters) -> Matters:
        return Matters(*(one + two for one, two in zip(self, other, strict=True)))


class Fault(NamedTuple):
    """Alerts of category device, counted: by rule, or by the device that they are of."""

    complex: str
    complex_name: str | None
    device: str
    rule: str
    alerts: int


class Place(NamedTuple):
    """A complex, and the community that it lies in."""

    id: str
    name: str
    area: str | None


class Where(NamedTuple):
    """Whose figures: of a scope, and of an area in it; "" all of it, "-" what lies in no area."""

    scope: Scope
    area: str = ""

    def holds(self, column: Any) -> ColumnElement[bool]:
        inside = within(column, self.scope)
        return and_(inside, column.in_(complexes_below(self.area))) if self.area else inside


async def places(connection: AsyncConnection, where: Where) -> list[Place]:
    query = select(complex_.c.id, complex_.c.name, complex_.c.area).where(where.holds(complex_.c.id))
    return [Place(*row) for row in (await connection.execute(query)).all()]


async def online(connection: AsyncConnection, where: Where, since: datetime, until: datetime) -> dict[str, Online]:
    """Complex -> what of the time should be, and was. ``since`` is the beginning of an hour."""
    chosen = and_(where.holds(gateway.c.complex), gateway.c.replaced_at.is_(None))
    heard = await online_rows.heard(connection, chosen, since, until)
    found: dict[str, Online] = {}
    for one in await gateways(connection, chosen):
        its = online_rows.online(one, heard.get(one.id, Heard()), since, until)
        found[one.complex] = its.plus(found.get(one.complex, Online()))
    return found


async def gateways(connection: AsyncConnection, chosen: ColumnElement[bool]) -> list[Gateway]:
    health = gateway_health.c
    columns = (gateway.c.id, gateway.c.complex, gateway.c.enrolled_at, gateway.c.replaced_at, gateway.c.last_seen_at)
    query = select(*columns, health.counted_since, health.devices)
    query = query.outerjoin(gateway_health, health.gateway == gateway.c.id).where(chosen)
    return [_gateway(row) for row in (await connection.execute(query)).all()]


def _gateway(row: Any) -> Gateway:
    """Of one that has said nothing since its time is counted: from its last word on it was not heard."""
    since = row.counted_since or row.last_seen_at or row.enrolled_at
    replaced, seen = (at and unstamp(at) for at in (row.replaced_at, row.last_seen_at))
    return Gateway(row.id, row.complex, unstamp(since), replaced, seen, row.devices or 0)


async def matters(connection: AsyncConnection, where: Where) -> dict[str, Matters]:
    """Complex -> what goes on there."""
    climbed = or_(duty_state.c.climbed_to.is_not(None), duty_state.c.at_top == 1)
    is_open = duty_state.c.status == "open"
    counts = (is_open, duty_state.c.status == "acknowledged", is_open & climbed, is_open & (duty_state.c.at_top == 1))
    query = select(duty_state.c.complex, *(func.sum(case((one, 1), else_=0)) for one in counts))
    goes_on = duty_state.c.status.in_(("open", "acknowledged"))
    query = query.where(goes_on, where.holds(duty_state.c.complex)).group_by(duty_state.c.complex)
    return {row[0]: Matters(*row[1:]) for row in (await connection.execute(query)).all()}


async def p90(connection: AsyncConnection, where: Where, since: datetime) -> dict[str, int]:
    """Complex -> seconds until nine in ten of its matters since then were taken, by nearest rank."""
    return await _p90(connection, where, since, duty_state.c.complex, None)


async def p90_of_areas(connection: AsyncConnection, where: Where, since: datetime) -> dict[str, int]:
    """The same by area, whichever lies in the scope in part; of a part, what is of the scope."""
    return await _p90(connection, where, since, area_within.c.upper, area_within)


async def p90_of_all(connection: AsyncConnection, where: Where, since: datetime) -> int | None:
    return (await _p90(connection, where, since, literal(""), None)).get("")


async def _p90(connection: AsyncConnection, where: Where, since: datetime, key: Any, areas: Any) -> dict[str, int]:
    taken = duty_state.c.taken_s
    ranks = (
        func.row_number().over(partition_by=key, order_by=taken).label("rank"),
        func.count().over(partition_by=key).label("many"),
    )
    query = select(key.label("key"), taken.label("taken_s"), *ranks)
    if areas is not None:
        query = query.select_from(duty_state).join(complex_, complex_.c.id == duty_state.c.complex)
        query = query.join(areas, areas.c.area == complex_.c.area)
    query = query.where(duty_state.c.opened_at >= stamp(since), taken.is_not(None), where.holds(duty_state.c.complex))
    found = query.subquery()
    is_it = (found.c.rank * 10 >= found.c.many * 9) & ((found.c.rank - 1) * 10 < found.c.many * 9)
    rows = await connection.execute(select(found.c.key, found.c.taken_s).where(is_it))
    return {row.key: row.taken_s for row in rows}


async def faults(connection: AsyncConnection, where: Where, since: datetime) -> dict[str, dict[str, int]]:
    """Complex -> rule -> alerts of category device since then."""
    query = select(alert.c.complex, alert.c.rule, func.count()).where(_is_fault(where, since))
    found: dict[str, dict[str, int]] = {}
    for complex_id, rule, count in (await connection.execute(query.group_by(alert.c.complex, alert.c.rule))).all():
        found.setdefault(complex_id, {})[rule] = count
    return found


async def top_devices(connection: AsyncConnection, where: Where, since: datetime) -> list[Fault]:
    """The devices with the most faults."""
    keys = (alert.c.complex, complex_.c.name, alert.c.device, alert.c.rule)
    query = select(*keys, func.count()).outerjoin(complex_, complex_.c.id == alert.c.complex)
    query = query.where(_is_fault(where, since)).group_by(*keys)
    query = query.order_by(func.count().desc(), alert.c.complex, alert.c.device, alert.c.rule).limit(TOP)
    return [Fault(*row) for row in (await connection.execute(query)).all()]


def _is_fault(where: Where, since: datetime) -> ColumnElement[bool]:
    return and_(alert.c.category == "device", alert.c.occurred_at >= stamp(since), where.holds(alert.c.complex))
