"""What pages show of the ladder, within the asking person's scope: a board of what goes on, and who may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.plan import Level
from domain.duty.state import State
from server.store.duty_states import readable
from server.store.duty_tables import duty_alert, duty_state, duty_step
from server.store.people_tables import account
from server.store.place_tables import account_scope, area_within
from server.store.schema import complex_
from server.store.scope import Scope, within

MOST_ROWS, MOST_PEOPLE, MOST_STEPS = 300, 300, 100
_ALERTS = (
    select(func.count())
    .select_from(duty_alert)
    .where(duty_alert.c.incident == duty_state.c.incident)
    .correlate(duty_state)
    .scalar_subquery()
)
_WORST_FIRST = case({"critical": 0, "high": 1, "medium": 2}, value=duty_state.c.severity, else_=3)


class BoardRow(msgspec.Struct, frozen=True):
    """A matter that goes on. ``rule``: of the alert by which it came onto the ladder."""

    incident: str
    complex: str
    complex_name: str | None
    timezone: str | None
    place: str
    rule: str | None
    alerts: int
    opened_at: datetime
    updated_at: datetime
    state: State


class Tally(msgspec.Struct, frozen=True):
    """How many go on: open, of those that have climbed, of those that the top did not take; and taken."""

    open: int = 0
    climbed: int = 0
    at_top: int = 0
    acknowledged: int = 0


class StepView(msgspec.Struct, frozen=True):
    """Somebody was to be told."""

    number: int
    level: str
    person: str
    why: str
    unit: str
    at: datetime
    sent_at: datetime | None
    dropped: str | None


class Answerer(msgspec.Struct, frozen=True):
    """Somebody whose account reaches a complex."""

    username: str
    role: str


async def board(
    connection: AsyncConnection, scope: Scope, level: str = "", complex_id: str = "", limit: int = MOST_ROWS
) -> list[BoardRow]:
    """What goes on: what the top did not take first, then the worst, of those the oldest."""
    columns = ("incident", "complex", "place", "opened_at", "updated_at", "state")
    query = select(*(duty_state.c[name] for name in columns), complex_.c.name.label("complex_name"))
    query = query.add_columns(complex_.c.timezone, duty_alert.c.rule, _ALERTS.label("alerts"))
    query = query.outerjoin(complex_, complex_.c.id == duty_state.c.complex)
    query = query.outerjoin(duty_alert, duty_alert.c.id == duty_state.c.incident)
    query = _going_on(query, scope, complex_id)
    if level:
        query = query.where(duty_state.c.level == level)
    order = (duty_state.c.at_top.desc(), _WORST_FIRST, duty_state.c.opened_at, duty_state.c.incident)
    rows = (await connection.execute(query.order_by(*order).limit(limit))).mappings()
    return [_board_row(row, state) for row in rows if (state := readable(row["incident"], row["state"]))]


def _board_row(row: Any, state: State) -> BoardRow:
    said = {name: row[name] for name in BoardRow.__struct_fields__}
    return msgspec.convert(said | {"state": state}, BoardRow)


def _going_on(query: Any, scope: Scope, complex_id: str) -> Any:
    query = query.where(duty_state.c.status.in_(("open", "acknowledged")), within(duty_state.c.complex, scope))
    return query.where(duty_state.c.complex == complex_id) if complex_id else query


async def tallies(connection: AsyncConnection, scope: Scope, complex_id: str = "") -> dict[str, Tally]:
    """By level, and of all under ""."""
    columns = (duty_state.c.level, duty_state.c.status, duty_state.c.at_top, func.count())
    query = _going_on(select(*columns), scope, complex_id).group_by(*columns[:3])
    found: dict[str, Tally] = {"": Tally()}
    rows: Sequence[tuple[str, str, int, int]] = (await connection.execute(query)).all()  # pyright: ignore[reportAssignmentType]
    for level, status, at_top, count in rows:
        for name in (level, ""):
            found[name] = _counted(found.get(name, Tally()), level, status, at_top, count)
    return found


def _counted(tally: Tally, level: str, status: str, at_top: int, count: int) -> Tally:
    if status == "acknowledged":
        return msgspec.structs.replace(tally, acknowledged=tally.acknowledged + count)
    return msgspec.structs.replace(
        tally,
        open=tally.open + count,
        climbed=tally.climbed + (count if level != "complex" else 0),
        at_top=tally.at_top + (count if at_top else 0),
    )


async def steps_of(connection: AsyncConnection, incident: str) -> Sequence[StepView]:
    """Whom a matter asked to be told, the newest first."""
    columns = (duty_step.c[name] for name in StepView.__struct_fields__)
    query = select(*columns).where(duty_step.c.incident == incident)
    rows = (await connection.execute(query.order_by(duty_step.c.number.desc()).limit(MOST_STEPS))).mappings()
    return [msgspec.convert(row, StepView) for row in rows]


async def answerers(connection: AsyncConnection, complex_id: str, roles: Sequence[str]) -> list[Answerer]:
    """Who of these roles reaches a complex: those of the complex itself and of the areas it lies in."""
    area_of = select(complex_.c.area).where(complex_.c.id == complex_id).scalar_subquery()
    above = select(area_within.c.upper).where(area_within.c.area == area_of)
    here = (account_scope.c.kind == "complex") & (account_scope.c.place == complex_id)
    around = (account_scope.c.kind == "area") & account_scope.c.place.in_(above)
    query = select(account.c.username, account.c.role).join(account_scope, account_scope.c.account == account.c.id)
    query = query.where(account.c.disabled_at.is_(None), account.c.role.in_(roles))
    query = query.where(or_(here, around, account_scope.c.kind == "city")).distinct()
    rows = (await connection.execute(query.order_by(account.c.username).limit(MOST_PEOPLE))).mappings()
    return [msgspec.convert(row, Answerer) for row in rows]


LEVEL_ROLES: dict[Level, tuple[str, ...]] = {
    "complex": ("patrol", "grid_worker", "security_officer"),
    "community": ("community",),
    "street": ("street",),
    "department": ("district",),
}
