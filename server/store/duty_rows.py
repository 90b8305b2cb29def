"""Statements on matters of the duty ladder: a state and the steps that it asks for are written in one transaction.

Whoever writes here is in the complex's turn (``Database.write(complex_id)``), so that a state is never read old.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.state import Owner, State, Step, encode_state, may_send
from server.store.bulk import insert_new, upsert
from server.store.duty_figures import figures
from server.store.duty_states import readable
from server.store.duty_tables import duty_alert, duty_state, duty_step, noise
from server.store.engine import stamp, unstamp

VOID = "void"  # somebody has taken the matter, or another is asked meanwhile
_AT_ONCE = 400
_STATE = tuple(duty_state.columns.keys())
_STEP = ("incident", "number", "complex", "revision", "level", "person", "why", "unit", "severity", "at")


class Matter(msgspec.Struct, frozen=True):
    """A matter as it is kept: what the ladder says of it, its spot, and since when it is there."""

    state: State
    place: str
    opened_at: datetime


class Moved(msgspec.Struct, frozen=True):
    """A matter that changed: what it is now, whom to tell, when to look again, and that it was not there before."""

    matter: Matter
    steps: tuple[Step, ...] = ()
    look_at: datetime | None = None
    is_new: bool = False


async def keep(connection: AsyncConnection, moved: Sequence[Moved], now: datetime) -> None:
    """The states and their steps; what was queued and is no longer to be sent is void from here on."""
    await upsert(connection, duty_state, _STATE, [_state_row(one, now) for one in moved])
    await insert_new(connection, duty_step, _STEP, [_step_row(one, step) for one in moved for step in one.steps])
    for one in moved:
        if not one.is_new:
            await _void(connection, one.matter.state)


def _state_row(moved: Moved, now: datetime) -> tuple[object, ...]:
    state, matter = moved.matter.state, moved.matter
    values = {
        "incident": state.incident,
        "complex": state.complex,
        "category": state.category,
        "place": matter.place,
        "state": encode_state(state),
        "revision": state.revision,
        "status": state.status,
        "level": state.owner.level,
        "person": state.owner.person,
        "severity": state.severity,
        "at_top": int(state.at_top),
        "opened_at": stamp(matter.opened_at),
        "due_at": None if moved.look_at is None else stamp(moved.look_at),
        "updated_at": stamp(now),
        "ended_at": None if state.ended is None else stamp(state.ended.at),
        **figures(state, matter.opened_at),
    }
    return tuple(values[name] for name in _STATE)


def _step_row(moved: Moved, step: Step) -> tuple[object, ...]:
    state, whom = moved.matter.state, (step.to.level, step.to.person)
    said = (step.why, step.unit, state.severity, stamp(step.at))
    return (step.incident, step.number, state.complex, step.revision, *whom, *said)


async def _void(connection: AsyncConnection, state: State) -> None:
    waits = await waiting(connection, incident=state.incident)
    gone = [step.number for step in waits if not may_send(state, step)]
    if gone:
        here = (duty_step.c.incident == state.incident, duty_step.c.number.in_(gone))
        await connection.execute(update(duty_step).where(*here).values(dropped=VOID))


async def waiting(connection: AsyncConnection, incident: str = "", limit: int = _AT_ONCE) -> list[Step]:
    """Steps that are neither sent nor void, the oldest first; of one matter where it is named."""
    query = select(duty_step).where(duty_step.c.sent_at.is_(None), duty_step.c.dropped.is_(None))
    if incident:
        query = query.where(duty_step.c.incident == incident)
    query = query.order_by(duty_step.c.at, duty_step.c.incident, duty_step.c.number).limit(limit)
    return [_step(row) for row in (await connection.execute(query)).mappings()]


def _step(row: object) -> Step:
    said = msgspec.convert(row, _StepRow)
    to = Owner(said.level, said.person)  # pyright: ignore[reportArgumentType] - as it was written
    why, at = said.why, unstamp(said.at)
    return Step(said.incident, said.revision, said.number, to, why, at, said.unit)  # pyright: ignore[reportArgumentType]


class _StepRow(msgspec.Struct, frozen=True):
    incident: str
    revision: int
    number: int
    level: str
    person: str
    why: str
    at: str
    unit: str


async def claim(connection: AsyncConnection, step: Step, now: datetime) -> bool:
    """Mark a step as sent, if it still is to be. In the turn of the matter's complex: nobody takes it in between."""
    here = (duty_step.c.incident == step.incident, duty_step.c.number == step.number)
    open_ = (duty_step.c.sent_at.is_(None), duty_step.c.dropped.is_(None))
    matter = await one(connection, step.incident)
    may = matter is not None and may_send(matter.state, step)
    said = {"sent_at": stamp(now)} if may else {"dropped": VOID}
    done = await connection.execute(update(duty_step).where(*here, *open_).values(**said))
    return may and done.rowcount == 1


async def one(connection: AsyncConnection, incident: str) -> Matter | None:
    return (await by_names(connection, [incident])).get(incident)


async def by_names(connection: AsyncConnection, incidents: Collection[str]) -> dict[str, Matter]:
    """Matters by name, those that can be read."""
    found: dict[str, Matter] = {}
    names = sorted(set(incidents))
    columns = (duty_state.c.incident, duty_state.c.state, duty_state.c.place, duty_state.c.opened_at)
    for start in range(0, len(names), _AT_ONCE):
        query = select(*columns).where(duty_state.c.incident.in_(names[start : start + _AT_ONCE]))
        for name, body, place, opened_at in (await connection.execute(query)).all():
            if (state := readable(name, body)) is not None:
                found[name] = Matter(state, place, unstamp(opened_at))
    return found


async def of_alert(connection: AsyncConnection, alert: str) -> Matter | None:
    """The matter that an alert is in."""
    found = await connection.execute(select(duty_alert.c.incident).where(duty_alert.c.id == alert))
    incident: str | None = found.scalar()
    return None if incident is None else await one(connection, incident)


async def due_in(connection: AsyncConnection, now: datetime) -> list[str]:
    """Complexes where something is to be looked at. What was written in the future: the clock was set back."""
    late = or_(duty_state.c.due_at <= stamp(now), duty_state.c.updated_at > stamp(now))
    query = select(duty_state.c.complex).where(duty_state.c.due_at.is_not(None), late).distinct()
    return sorted((await connection.execute(query)).scalars())


async def due_of(connection: AsyncConnection, complex_id: str, now: datetime, limit: int) -> list[Matter]:
    """Of a complex, those that have waited longest. What cannot be read is not looked at again: nothing can be said of
    it any more but that it is there, and its steps are sent as they are (server/duty/turn.py)."""
    late = or_(duty_state.c.due_at <= stamp(now), duty_state.c.updated_at > stamp(now))
    query = select(duty_state.c.incident).where(duty_state.c.complex == complex_id, duty_state.c.due_at.is_not(None))
    query = query.where(late).order_by(duty_state.c.due_at, duty_state.c.incident).limit(limit)
    names = list((await connection.execute(query)).scalars())
    found = await by_names(connection, names)
    unread = [name for name in names if name not in found]
    if unread:
        await connection.execute(update(duty_state).where(duty_state.c.incident.in_(unread)).values(due_at=None))
    return [found[name] for name in names if name in found]


async def look_again(connection: AsyncConnection, complex_id: str, now: datetime) -> None:
    """The plan or the rota changed: everything that goes on is looked at at once."""
    goes_on = (duty_state.c.complex == complex_id, duty_state.c.due_at.is_not(None))
    await connection.execute(update(duty_state).where(*goes_on).values(due_at=stamp(now)))


async def forget(connection: AsyncConnection, alerts: Sequence[str]) -> None:
    """Alerts that are let go, and what is ended and has none left. What goes on ends by itself, by name."""
    for start in range(0, len(alerts), _AT_ONCE):
        some = alerts[start : start + _AT_ONCE]
        await connection.execute(delete(duty_alert).where(duty_alert.c.id.in_(some)))
        await connection.execute(delete(noise).where(noise.c.alert.in_(some)))
    left = exists().where(duty_alert.c.incident == duty_state.c.incident)
    over = select(duty_state.c.incident).where(duty_state.c.status == "ended", ~left)
    gone = list((await connection.execute(over.limit(_AT_ONCE))).scalars())
    for table in (duty_step, duty_state):
        await connection.execute(delete(table).where(table.c.incident.in_(gone)))
