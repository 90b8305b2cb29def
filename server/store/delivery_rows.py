"""Statements on what is sent to people: steps that wait, attempts, what is held for a summary, what was seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import Severity
from domain.delivery import HOUR, Push
from domain.duty.plan import EMERGENCY
from domain.duty.state import Owner, State, Step
from server.store.channel_tables import duty_delivery as table
from server.store.duty_states import read_state
from server.store.duty_tables import duty_state, duty_step
from server.store.engine import stamp, unstamp
from server.store.move_table import complex_move

VOID = "void"
SILENCED = "silenced"  # it waits for the silence to end, as long as it is still to be sent
_AWAY = ("copying", "opening", "moved", "gone", "importing")  # nobody writes of such a complex (server/cells/fence.py)
_MOST_HELD, _MOST_SENT = 500, 200
_SET_BACK = timedelta(minutes=1)  # less is a clock that was put right
_EMERGENCIES_FIRST = duty_step.c.severity != EMERGENCY


class Whom(NamedTuple):
    """A person by their username, or a desk: a level where nobody is on duty, a unit that is called."""

    person: str
    desk: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A step on its way by one channel."""

    incident: str
    number: int
    channel: str
    complex: str
    person: str
    desk: str
    severity: Severity
    state: str = "asked"
    at: str
    error: str | None = None
    words: str | None = None
    attempts: int = 0
    is_push: int = 0
    again_at: str | None = None
    next_at: str | None = None
    carrier: str | None = None

    @property
    def whom(self) -> Whom:
        return Whom(self.person, self.desk)

    @property
    def key(self) -> str:
        """The same for every attempt."""
        return f"{self.incident}/{self.number}/{self.channel}"


class Waiting(NamedTuple):
    """A step that nobody has been told of."""

    step: Step
    complex: str
    severity: Severity


def _is(one: Delivery) -> ColumnElement[bool]:
    return _at(one.incident, one.number, one.channel)


def _at(incident: str, number: int, channel: str) -> ColumnElement[bool]:
    return and_(table.c.incident == incident, table.c.number == number, table.c.channel == channel)


def _is_waiting() -> ColumnElement[bool]:
    return and_(duty_step.c.sent_at.is_(None), duty_step.c.dropped.is_(None))


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Its time has come; or the clock was set back, and what waits would wait for too long."""
    at, ahead = stamp(now), stamp(now + _SET_BACK)
    again = and_(table.c.state.in_(("asked", "held")), or_(table.c.again_at <= at, table.c.at > ahead))
    follows = and_(table.c.next_at > "", or_(table.c.next_at <= at, table.c.at > ahead))  # an index finds what has one
    return or_(again, follows)


async def due_in(connection: AsyncConnection, now: datetime) -> list[str]:
    """Complexes of which something is to be sent or looked at, those with a step that waits longest first; none that
    is moving to another cell or has moved."""
    found: dict[str, None] = {}
    for of, which, order in (
        (duty_step, _is_waiting(), duty_step.c.at),
        (table, _is_due(now), table.c.at),
    ):
        away = exists().where(complex_move.c.complex == of.c.complex, complex_move.c.state.in_(_AWAY))
        query = select(of.c.complex).where(which, ~away).order_by(order).limit(2_000)
        found |= dict.fromkeys((await connection.execute(query)).scalars())
    return list(found)


async def waiting(connection: AsyncConnection, complex_id: str, limit: int) -> list[Waiting]:
    """A complex's steps that are neither sent nor void: emergencies, then the oldest."""
    query = select(duty_step).where(duty_step.c.complex == complex_id, _is_waiting())
    query = query.order_by(_EMERGENCIES_FIRST, duty_step.c.at, duty_step.c.incident, duty_step.c.number).limit(limit)
    return [_waiting(row) for row in (await connection.execute(query)).mappings()]


async def step_of(connection: AsyncConnection, one: Delivery) -> Step | None:
    query = select(duty_step).where(duty_step.c.incident == one.incident, duty_step.c.number == one.number)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _waiting(row).step


def _waiting(row: Any) -> Waiting:
    to = Owner(row["level"], row["person"])
    at = unstamp(row["at"])
    step = Step(row["incident"], row["revision"], row["number"], to, row["why"], at, row["unit"])
    return Waiting(step, row["complex"], row["severity"])


async def state_of(connection: AsyncConnection, incident: str) -> State | None:
    """Where a matter stands; read in its complex's turn, it stays so until the transaction ends. Raises
    UnreadableState."""
    found = await connection.execute(select(duty_state.c.state).where(duty_state.c.incident == incident))
    body: bytes | None = found.scalar()
    return None if body is None else read_state(incident, body)


async def mark(connection: AsyncConnection, step: Step, now: datetime, *, dropped: str | None = None) -> None:
    """A step was taken up, or is void: it does not wait any more."""
    here = (duty_step.c.incident == step.incident, duty_step.c.number == step.number)
    values = {"sent_at": stamp(now)} if dropped is None else {"dropped": dropped}
    await connection.execute(update(duty_step).where(*here).values(**values))


async def look_again(connection: AsyncConnection, since: datetime) -> None:
    """What was silenced since then waits anew: whether it still is, whoever sends it asks."""
    quiet = (duty_step.c.sent_at.is_(None), duty_step.c.dropped == SILENCED, duty_step.c.at > stamp(since))
    await connection.execute(update(duty_step).where(*quiet).values(dropped=None))


async def add(connection: AsyncConnection, one: Delivery) -> None:
    await connection.execute(table.insert().values(**msgspec.structs.asdict(one)))


async def change(connection: AsyncConnection, one: Delivery, **values: object) -> None:
    await connection.execute(update(table).where(_is(one)).values(**values))


async def outcome(connection: AsyncConnection, one: Delivery, **values: object) -> bool:
    """What came of an attempt, if it is still this one's to say; whether it was."""
    mine = (_is(one), table.c.state == "asked", table.c.attempts == one.attempts)
    return (await connection.execute(update(table).where(*mine).values(**values))).rowcount == 1


async def due_of(connection: AsyncConnection, complex_id: str, now: datetime, limit: int) -> list[Delivery]:
    """Of a complex, what is tried again, looked at again, or followed by the next channel; the oldest first."""
    query = select(table).where(table.c.complex == complex_id, _is_due(now))
    return _deliveries(await connection.execute(query.order_by(table.c.at, table.c.number).limit(limit)))


async def of_step(connection: AsyncConnection, one: Delivery | Step) -> list[Delivery]:
    """A step by every channel."""
    query = select(table).where(table.c.incident == one.incident, table.c.number == one.number)
    return _deliveries(await connection.execute(query.order_by(table.c.at)))


async def of_incident(connection: AsyncConnection, incident: str, limit: int) -> list[Delivery]:
    query = select(table).where(table.c.incident == incident).order_by(table.c.at.desc()).limit(limit)
    return _deliveries(await connection.execute(query))


async def pushes(connection: AsyncConnection, whom: Whom, complex_id: str, now: datetime) -> list[Push]:
    """What made a sound at somebody in the last hour, and what is on its way: it counts until it fails."""
    since, sent = stamp(now - HOUR), ("asked", "sent", "seen")
    query = select(table.c.severity, table.c.at).where(_of(whom, complex_id), table.c.at > since)
    query = query.where(table.c.is_push == 1, table.c.state.in_(sent)).order_by(table.c.at.desc()).limit(_MOST_SENT)
    return [Push(severity, unstamp(at)) for severity, at in (await connection.execute(query)).all()]


async def held(connection: AsyncConnection, whom: Whom, complex_id: str) -> list[Delivery]:
    """What waits for somebody's summary, the oldest first. A person's is of one complex at a time."""
    here = (_of(whom, complex_id), table.c.complex == complex_id, table.c.state == "held")
    return _deliveries(await connection.execute(select(table).where(*here).order_by(table.c.at).limit(_MOST_HELD)))


def _of(whom: Whom, complex_id: str) -> ColumnElement[bool]:
    """A person's are counted over all complexes; a desk is a complex's own."""
    theirs = and_(table.c.person == whom.person, table.c.desk == whom.desk)
    return and_(theirs, table.c.complex == complex_id) if whom.desk else theirs


async def carried(connection: AsyncConnection, carrier: str) -> list[Delivery]:
    """What a summary tells of."""
    query = select(table).where(table.c.carrier == carrier).order_by(table.c.at)
    return _deliveries(await connection.execute(query))


async def release(connection: AsyncConnection, now: datetime) -> int:
    """What an earlier process had begun to send, and did not say how it ended, is due now."""
    cut_off = (table.c.state == "asked", table.c.again_at > stamp(now))
    return (await connection.execute(update(table).where(*cut_off).values(again_at=stamp(now)))).rowcount


async def unseen(connection: AsyncConnection, incidents: Collection[str], username: str) -> bool:
    query = select(table.c.incident).where(_shown(incidents, username)).limit(1)
    return (await connection.execute(query)).first() is not None


async def seen(connection: AsyncConnection, incidents: Collection[str], username: str, now: datetime) -> None:
    """Somebody has opened what they were told of."""
    await connection.execute(update(table).where(_shown(incidents, username)).values(state="seen", at=stamp(now)))


def _shown(incidents: Collection[str], username: str) -> ColumnElement[bool]:
    return and_(table.c.incident.in_(incidents), table.c.person == username, table.c.state == "sent")


def _deliveries(rows: Any) -> list[Delivery]:
    return [msgspec.convert(row, Delivery) for row in rows.mappings()]


def later(now: datetime, seconds: float) -> str:
    return stamp(now + timedelta(seconds=seconds))


def worst_first(rows: Sequence[Delivery], ranks: Sequence[str]) -> list[Delivery]:
    return sorted(rows, key=lambda one: (ranks.index(one.severity), one.at))
