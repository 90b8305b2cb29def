"""What pages show of parking: stays, and what they cost. Everything is within the asking person's scope."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.passages import Passage
from server.store import doubt_views, lane_watermarks
from server.store.doubt_views import Reading
from server.store.engine import stamp
from server.store.lane_watermarks import Lag
from server.store.schema import charge, complex_, doubt, media, parking_passage, session
from server.store.scope import Scope, within

_decode_passage = msgspec.json.Decoder(Passage).decode
STATES = ("inside", "exited", "lost_exit", "no_entry", "voided", "merged")


class SessionView(msgspec.Struct, frozen=True):
    """A stay of a vehicle; ``amount_fen`` is what it costs now, None where it was not charged."""

    complex: str
    complex_name: str | None
    timezone: str | None
    id: str
    plate: str
    plate_color: str
    state: str
    entered_at: datetime | None
    exited_at: datetime | None
    entry_lane: str | None
    exit_lane: str | None
    entry_picture: str | None
    exit_picture: str | None
    anomalies: list[Any]
    begun_at: str
    merged_into: str | None
    amount_fen: int | None


class ChargeView(msgspec.Struct, frozen=True, rename={"class_": "class"}):
    """A revision (from 0) of what a stay costs; ``lines`` add up to ``amount_fen``; ``note``: why there is no price."""

    number: int
    complex: str
    complex_name: str | None
    timezone: str | None
    session: str
    revision: int
    plate: str
    entered_at: datetime
    exited_at: datetime
    class_: str
    amount_fen: int
    change_fen: int
    lines: list[dict[str, Any]]
    tariff: str
    reason: str
    note: str | None
    booked_at: datetime


class UnreadView(msgspec.Struct, frozen=True):
    """A passage whose plate was not read: in no stay, so a person must look."""

    complex: str
    complex_name: str | None
    timezone: str | None
    passage: Passage
    picture_here: bool


class SessionFilter(msgspec.Struct, frozen=True):
    """Which stays a list shows; empty fields do not restrict. ``before`` is the last row of the page before."""

    state: str = ""
    plate: str = ""
    complex: str = ""
    before: tuple[str, str, str] | None = None  # begun_at, complex, id


class ChargeFilter(msgspec.Struct, frozen=True):
    """Charges of stays that ended in ``[since, until)`` (as the tables keep times); empty fields do not restrict."""

    since: str = ""
    until: str = ""
    complex: str = ""
    before: tuple[str, int] | None = None  # exited_at, number


class Totals(msgspec.Struct, frozen=True):
    """Of the charges a filter shows, on all its pages: stays, money, corrections, and stays no plan has a price for."""

    stays: int
    amount_fen: int
    corrected: int
    unpriced: int


_revisions = charge.alias("revisions")
_NEWEST = (
    select(func.max(_revisions.c.revision))
    .where(_revisions.c.complex == charge.c.complex, _revisions.c.session == charge.c.session)
    .correlate(charge)
    .scalar_subquery()
)


def _sessions() -> Select[Any]:
    owed = (
        select(charge.c.amount_fen)
        .where(charge.c.complex == session.c.complex, charge.c.session == session.c.id)
        .order_by(charge.c.revision.desc())
        .limit(1)
        .correlate(session)
        .scalar_subquery()
    )
    columns = (*session.columns, complex_.c.name.label("complex_name"), complex_.c.timezone, owed.label("amount_fen"))
    return select(*columns).outerjoin(complex_, complex_.c.id == session.c.complex)


async def sessions(connection: AsyncConnection, scope: Scope, chosen: SessionFilter, limit: int) -> list[SessionView]:
    """Stays, the latest begun first."""
    query = _sessions().where(within(session.c.complex, scope))
    if chosen.state:
        query = query.where(session.c.state == chosen.state)
    if chosen.plate:
        query = query.where(session.c.plate.contains(chosen.plate, autoescape=True))
    if chosen.complex:
        query = query.where(session.c.complex == chosen.complex)
    if chosen.before:
        begun_at, complex_id, identity = chosen.before
        later = and_(session.c.complex == complex_id, session.c.id < identity) | (session.c.complex < complex_id)
        query = query.where((session.c.begun_at < begun_at) | and_(session.c.begun_at == begun_at, later))
    order = (session.c.begun_at.desc(), session.c.complex.desc(), session.c.id.desc())
    rows = await connection.execute(query.order_by(*order).limit(limit))
    return [msgspec.convert(row, SessionView) for row in rows.mappings()]


async def count_inside(connection: AsyncConnection, scope: Scope, complex_id: str = "") -> int:
    """How many vehicles are inside now; of one complex where it is named."""
    query = select(func.count()).where(session.c.state == "inside", within(session.c.complex, scope))
    if complex_id:
        query = query.where(session.c.complex == complex_id)
    return (await connection.execute(query)).scalar() or 0


async def one(connection: AsyncConnection, scope: Scope, complex_id: str, identity: str) -> SessionView | None:
    same = (session.c.complex == complex_id, session.c.id == identity)
    rows = await connection.execute(_sessions().where(*same, within(session.c.complex, scope)))
    row = rows.mappings().first()
    return None if row is None else msgspec.convert(row, SessionView)


async def pictures_here(connection: AsyncConnection, complex_id: str, names: Collection[str]) -> set[str]:
    """Which of these pictures have arrived."""
    query = select(media.c.sha256).where(media.c.complex == complex_id, media.c.sha256.in_(names))
    return set((await connection.execute(query)).scalars())


async def unread(connection: AsyncConnection, scope: Scope, complex_id: str, limit: int) -> list[UnreadView]:
    """Passages without a plate, the latest first; of one complex where it is named."""
    table = parking_passage
    columns = (table.c.complex, complex_.c.name.label("complex_name"), complex_.c.timezone, table.c.passage)
    query = select(*columns).outerjoin(complex_, complex_.c.id == table.c.complex)
    open_ = exists().where(
        doubt.c.complex == table.c.complex, doubt.c.passage == table.c.id, doubt.c.kind == "unread"
    )  # what a person looked at is done with
    query = query.where(table.c.plate == "", or_(open_, table.c.amended.is_(None)), within(table.c.complex, scope))
    if complex_id:
        query = query.where(table.c.complex == complex_id)
    rows = (await connection.execute(query.order_by(table.c.occurred_at.desc()).limit(limit))).all()
    found = [(row, _decode_passage(row.passage)) for row in rows]
    names = [seen.picture for _, seen in found]
    kept = await connection.execute(select(media.c.complex, media.c.sha256).where(media.c.sha256.in_(names)))
    here = {tuple(row) for row in kept}
    return [
        UnreadView(row.complex, row.complex_name, row.timezone, seen, (row.complex, seen.picture) in here)
        for row, seen in found
    ]


def _charges() -> Select[Any]:
    columns = (*charge.columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    return select(*columns).outerjoin(complex_, complex_.c.id == charge.c.complex)


def _chosen(query: Any, scope: Scope, chosen: ChargeFilter) -> Any:
    query = query.where(within(charge.c.complex, scope), charge.c.revision == _NEWEST)
    if chosen.since:
        query = query.where(charge.c.exited_at >= chosen.since)
    if chosen.until:
        query = query.where(charge.c.exited_at < chosen.until)
    return query.where(charge.c.complex == chosen.complex) if chosen.complex else query


async def charges(connection: AsyncConnection, scope: Scope, chosen: ChargeFilter, limit: int) -> list[ChargeView]:
    """What stays cost now (the newest revision of each), the latest exit first."""
    query = _chosen(_charges(), scope, chosen)
    if chosen.before:
        at, number = chosen.before
        same = and_(charge.c.exited_at == at, charge.c.number < number)
        query = query.where((charge.c.exited_at < at) | same)
    rows = await connection.execute(query.order_by(charge.c.exited_at.desc(), charge.c.number.desc()).limit(limit))
    return [msgspec.convert(row, ChargeView) for row in rows.mappings()]


async def totals(connection: AsyncConnection, scope: Scope, chosen: ChargeFilter) -> Totals:
    columns = (
        func.count().filter(charge.c.reason != "voided"),
        func.coalesce(func.sum(charge.c.amount_fen), 0),
        func.count().filter(charge.c.revision > 0),
        func.count().filter(charge.c.reason == "unpriced"),
    )
    row = (await connection.execute(_chosen(select(*columns), scope, chosen))).one()
    return Totals(*row)


async def revisions(connection: AsyncConnection, scope: Scope, complex_id: str, identity: str) -> list[ChargeView]:
    """Every revision of what a stay costs, the newest first."""
    same = (charge.c.complex == complex_id, charge.c.session == identity)
    query = _charges().where(*same, within(charge.c.complex, scope)).order_by(charge.c.revision.desc())
    return [msgspec.convert(row, ChargeView) for row in (await connection.execute(query)).mappings()]


async def provisional(connection: AsyncConnection, stays: Collection[SessionView]) -> set[str]:
    """Of these stays the ids of those that ended, and of which a gateway may still tell otherwise."""
    stands = await lane_watermarks.stands(connection, {stay.complex for stay in stays})
    ended = [(stay, stay.exited_at) for stay in stays if stay.exited_at is not None]
    return {stay.id for stay, at in ended if stands[stay.complex].is_provisional(at)}


async def lags(connection: AsyncConnection, stay: SessionView) -> list[Lag]:
    """The gateways that may still tell otherwise of a stay that ended."""
    if stay.exited_at is None:
        return []
    return (await lane_watermarks.stand(connection, stay.complex)).lagging(stay.exited_at)


async def readings(connection: AsyncConnection, stay: SessionView) -> list[Reading]:
    """The reads of a stay's plate while it lasted, as they were read and as they were amended."""
    until = stamp(stay.exited_at) if stay.exited_at else ""
    return await doubt_views.readings(connection, stay.complex, stay.plate, stay.begun_at, until)
