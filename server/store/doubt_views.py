"""What the queue of doubtful passages shows: an item a passage, and the cars it may have been."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.corrections import Amendment, amended
from domain.parking import Session
from domain.passages import Passage
from server.store.corrections import Key
from server.store.engine import stamp, unstamp
from server.store.parking_tables import doubt, passage_correction
from server.store.schema import complex_, parking_passage, session
from server.store.scope import Scope, within

_decode = msgspec.json.Decoder(Passage).decode
_decode_amendment = msgspec.json.Decoder(Amendment).decode
ALARMS = ("opened_by_hand",)
_MOST_INSIDE = 20_000
_OPEN = doubt.c.settled == 0
Cursor = tuple[str, str, bytes]  # occurred_at, complex, passage


class DoubtView(msgspec.Struct, frozen=True):
    """A passage, or an alarm of a lane, that needs a person; ``kinds`` says why."""

    complex: str
    complex_name: str | None
    timezone: str | None
    passage: bytes
    kinds: list[str]
    plate: str
    plate_color: str
    lane: str
    direction: str
    occurred_at: datetime
    picture: str | None
    session: str | None

    @property
    def key(self) -> Key:
        return (self.complex, self.passage)

    @property
    def cursor(self) -> str:
        """Where the queue goes on behind it."""
        return f"{stamp(self.occurred_at)}~{self.complex}~{self.passage.hex()}"


class Reading(msgspec.Struct, frozen=True):
    """A passage as it was read, and what people made of it."""

    raw: Passage
    said: Amendment | None

    @property
    def passage(self) -> Passage:
        return amended(self.raw, self.said)


def _behind(after: Cursor) -> ColumnElement[bool]:
    at, complex_id, passage = after
    same = and_(doubt.c.complex == complex_id, doubt.c.passage > passage) | (doubt.c.complex > complex_id)
    return (doubt.c.occurred_at > at) | and_(doubt.c.occurred_at == at, same)


def _chosen(query: Any, scope: Scope, complex_id: str, after: Cursor | None) -> Any:
    query = query.where(_OPEN, within(doubt.c.complex, scope))
    if complex_id:
        query = query.where(doubt.c.complex == complex_id)
    return query.where(_behind(after)) if after else query


async def count(connection: AsyncConnection, scope: Scope, complex_id: str, after: Cursor | None = None) -> int:
    """How many passages are in doubt, behind where the queue is."""
    keys = _chosen(select(doubt.c.complex, doubt.c.passage).distinct(), scope, complex_id, after).subquery()
    return (await connection.execute(select(func.count()).select_from(keys))).scalar_one()


async def next_one(
    connection: AsyncConnection, scope: Scope, complex_id: str, after: Cursor | None = None
) -> DoubtView | None:
    """The oldest behind where the queue is."""
    query = _chosen(select(doubt.c.complex, doubt.c.passage), scope, complex_id, after)
    query = query.order_by(doubt.c.occurred_at, doubt.c.complex, doubt.c.passage).limit(1)
    row = (await connection.execute(query)).first()
    return None if row is None else await one(connection, scope, row.complex, row.passage)


async def one(connection: AsyncConnection, scope: Scope, complex_id: str, passage_id: bytes) -> DoubtView | None:
    """A passage with all that is in doubt of it now; ``kinds`` is empty where nothing is."""
    columns = (*doubt.columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = select(*columns).outerjoin(complex_, complex_.c.id == doubt.c.complex)
    same = (doubt.c.complex == complex_id, doubt.c.passage == passage_id, within(doubt.c.complex, scope))
    rows = (await connection.execute(query.where(*same))).mappings().all()
    if not rows:
        return await _settled(connection, scope, complex_id, passage_id)
    kinds = [str(row["kind"]) for row in rows if not row["settled"]]
    return _view(rows[0], kinds=kinds)


def _view(row: Any, **more: Any) -> DoubtView:
    return msgspec.convert({**{str(name): value for name, value in row.items()}, **more}, DoubtView)


async def _settled(connection: AsyncConnection, scope: Scope, complex_id: str, passage_id: bytes) -> DoubtView | None:
    found = await reading(connection, complex_id, passage_id)
    query = select(complex_.c.name, complex_.c.timezone).where(complex_.c.id == complex_id)
    place = (await connection.execute(query.where(within(complex_.c.id, scope)))).first()
    if found is None or place is None:
        return None
    seen = found.passage
    where = (seen.plate, seen.plate_color, seen.lane, seen.direction, seen.occurred_at, seen.picture)
    return DoubtView(complex_id, place.name, place.timezone, passage_id, [], *where, None)


async def reading(connection: AsyncConnection, complex_id: str, passage_id: bytes) -> Reading | None:
    same = (parking_passage.c.complex == complex_id, parking_passage.c.id == passage_id)
    query = select(parking_passage.c.passage, parking_passage.c.amended).where(*same)
    row = (await connection.execute(query)).first()
    return None if row is None else _reading(row)


def _reading(row: Any) -> Reading:
    return Reading(_decode(row.passage), _decode_amendment(row.amended) if row.amended else None)


async def passage(connection: AsyncConnection, complex_id: str, passage_id: bytes) -> Passage | None:
    """As it is folded now."""
    found = await reading(connection, complex_id, passage_id)
    return None if found is None else found.passage


async def is_alarm(connection: AsyncConnection, complex_id: str, identity: bytes) -> bool:
    """Whether it is something a lane said, and no passage."""
    same = (
        doubt.c.complex == complex_id,
        doubt.c.passage == identity,
        doubt.c.kind.in_(ALARMS),
    )
    return (await connection.execute(select(doubt.c.kind).where(*same))).first() is not None


async def readings(connection: AsyncConnection, complex_id: str, plate: str, since: str, until: str) -> list[Reading]:
    """Of a plate, in order, at most a few: those of one stay."""
    table = parking_passage
    same = (table.c.complex == complex_id, table.c.plate == plate)
    query = select(table.c.passage, table.c.amended).where(*same, table.c.occurred_at >= since)
    query = query.where(table.c.occurred_at <= until) if until else query
    return [_reading(row) for row in await connection.execute(query.order_by(table.c.occurred_at).limit(20))]


async def said(connection: AsyncConnection, complex_id: str, passage_id: bytes) -> list[dict[str, Any]]:
    """Everything that was said of a passage, the first first."""
    same = (passage_correction.c.complex == complex_id, passage_correction.c.passage == passage_id)
    query = select(passage_correction).where(*same).order_by(passage_correction.c.at, passage_correction.c.id)
    return [{str(name): value for name, value in row.items()} for row in (await connection.execute(query)).mappings()]


async def unmatched(connection: AsyncConnection, limit: int) -> list[DoubtView]:
    """Exits without an entry of which nobody said anything yet, the latest first."""
    spoken = exists().where(
        passage_correction.c.complex == doubt.c.complex, passage_correction.c.passage == doubt.c.passage
    )
    query = select(doubt).where(doubt.c.kind == "no_entry", _OPEN, doubt.c.plate != "", ~spoken)
    rows = await connection.execute(query.order_by(doubt.c.occurred_at.desc()).limit(limit))
    return [_view(row, complex_name=None, timezone=None, kinds=[row["kind"]]) for row in rows.mappings()]


async def inside_at(connection: AsyncConnection, complex_id: str, at: datetime) -> list[Session]:
    """The cars that were inside at a moment, by what is known now: the last stay of each plate begun before it."""
    later = session.alias()
    newer = exists().where(
        later.c.complex == complex_id,
        later.c.plate == session.c.plate,
        later.c.begun_at > session.c.begun_at,
        later.c.begun_at <= stamp(at),
        later.c.state.not_in(("voided", "merged")),
    )
    open_ = (session.c.state.in_(("inside", "lost_exit")), session.c.begun_at <= stamp(at))
    query = select(session).where(session.c.complex == complex_id, *open_, ~newer).limit(_MOST_INSIDE)
    return [_session(row) for row in (await connection.execute(query)).mappings()]


async def unmatched_exits(connection: AsyncConnection, complex_id: str, since: str, until: datetime) -> list[Session]:
    """Exits without an entry between two moments: where a car that came in again may have left."""
    span = (session.c.exited_at >= since, session.c.exited_at <= stamp(until))
    query = select(session).where(session.c.complex == complex_id, session.c.state == "no_entry", *span)
    return [_session(row) for row in (await connection.execute(query.limit(_MOST_INSIDE))).mappings()]


def _session(row: Any) -> Session:
    entered_at, exited_at = row["entered_at"], row["exited_at"]
    is_entry = row["state"] != "no_entry"
    return Session(
        id=row["id"].encode(),  # as the table has it
        plate=row["plate"],
        color=row["plate_color"],
        state=row["state"],
        entry_id=row["begun_by"] if is_entry else None,
        exit_id=None if is_entry else row["begun_by"],
        entered_at=entered_at and unstamp(entered_at),
        exited_at=exited_at and unstamp(exited_at),
        entry_lane=row["entry_lane"],
        exit_lane=row["exit_lane"],
    )


async def is_theirs(connection: AsyncConnection, scope: Scope, complex_id: str, identity: str) -> bool:
    """Whether a correction is of what someone sees."""
    same = (passage_correction.c.complex == complex_id, passage_correction.c.id == identity)
    query = select(passage_correction.c.id).where(*same, within(passage_correction.c.complex, scope))
    return (await connection.execute(query)).first() is not None
