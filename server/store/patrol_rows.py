"""Statements on rounds: checkpoints, routes by version, and acts that are kept once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rounds.plan import Route, Version
from domain.rounds.walk import Act
from server.store.engine import stamp, unstamp
from server.store.patrol_tables import patrol_act, patrol_point, patrol_route
from server.store.schema import complex_
from server.store.scope import Scope, within
from server.store.upsert import insert

MOST_POINTS, MOST_ROUTES, MOST_VERSIONS = 300, 100, 500
MOST_ACTS = 50_000  # of what one page shows
_ACT = ("key", "round", "route", "kind", "point", "reason", "by")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Route).decode


class TooMany(Exception):
    """A complex has as many of them as it may; take one down first."""


class NameTaken(Exception):
    """A checkpoint of that name stands there already."""


class Overtaken(Exception):
    """Somebody else changed the route meanwhile: load the page again and look what it says now."""


class Point(msgspec.Struct, frozen=True):
    """A checkpoint."""

    id: str
    name: str
    code: str
    ended_at: datetime | None = None


class FoundPoint(msgspec.Struct, frozen=True):
    """A checkpoint whose code was scanned, with its complex."""

    id: str
    name: str
    code: str
    complex: str
    complex_name: str


async def points(connection: AsyncConnection, complex_id: str, *, ended: bool = False) -> list[Point]:
    """By name; those that were taken down too, where asked."""
    columns = [patrol_point.c[name] for name in Point.__struct_fields__]
    query = select(*columns).where(patrol_point.c.complex == complex_id)
    if not ended:
        query = query.where(patrol_point.c.ended_at.is_(None))
    rows = await connection.execute(query.order_by(patrol_point.c.name, patrol_point.c.id))
    return [msgspec.convert(row, Point) for row in rows.mappings()]


async def point_by_code(connection: AsyncConnection, scope: Scope, code: str) -> FoundPoint | None:
    """One that stands, within the scope."""
    columns = [patrol_point.c[name] for name in ("id", "name", "code", "complex")]
    query = select(*columns, complex_.c.name.label("complex_name"))
    query = query.join(complex_, complex_.c.id == patrol_point.c.complex)
    good = (patrol_point.c.code == code, patrol_point.c.ended_at.is_(None), within(patrol_point.c.complex, scope))
    row = (await connection.execute(query.where(*good))).mappings().first()
    return None if row is None else msgspec.convert(row, FoundPoint)


async def add_point(connection: AsyncConnection, complex_id: str, point: Point, by: str, now: datetime) -> None:
    """In the complex's turn. Raises NameTaken or TooMany."""
    if point.name in {one.name for one in await points(connection, complex_id)}:
        raise NameTaken(f"{complex_id} has a checkpoint {point.name!r}")
    count = select(func.count()).select_from(patrol_point).where(patrol_point.c.complex == complex_id)
    if (await connection.execute(count)).scalar_one() >= MOST_POINTS:
        raise TooMany(f"{complex_id} has {MOST_POINTS} checkpoints")
    values = {"complex": complex_id, "id": point.id, "name": point.name, "code": point.code}
    await connection.execute(patrol_point.insert().values(**values, made_at=stamp(now), made_by=by))


async def end_point(connection: AsyncConnection, complex_id: str, identity: str, by: str, now: datetime) -> bool:
    """Whether one stood there."""
    here = (patrol_point.c.complex == complex_id, patrol_point.c.id == identity, patrol_point.c.ended_at.is_(None))
    done = await connection.execute(update(patrol_point).where(*here).values(ended_at=stamp(now), ended_by=by))
    return done.rowcount == 1


async def routes(connection: AsyncConnection, complex_id: str) -> dict[str, tuple[Version, ...]]:
    """Every version of every route of a complex, those that ended too, by number."""
    query = select(patrol_route).where(patrol_route.c.complex == complex_id)
    rows = await connection.execute(query.order_by(patrol_route.c.id, patrol_route.c.version))
    found: defaultdict[str, list[Version]] = defaultdict(list)
    for row in rows.mappings():
        found[row["id"]].append(Version(row["version"], unstamp(row["made_at"]), _decode(row["body"])))
    return {identity: tuple(versions) for identity, versions in found.items()}


async def put_route(
    connection: AsyncConnection, complex_id: str, identity: str, after: int, route: Route, by: str, now: datetime
) -> int:
    """A version behind ``after`` (0: a new route), in the complex's turn. Raises Overtaken or TooMany."""
    known = await routes(connection, complex_id)
    newest = known[identity][-1].number if identity in known else 0
    if newest != after:
        raise Overtaken(f"route {identity} is at version {newest}, the page showed {after}")
    if (not after and len(known) >= MOST_ROUTES) or after >= MOST_VERSIONS:
        raise TooMany(f"{complex_id} has {len(known)} routes")
    values = {"complex": complex_id, "id": identity, "version": after + 1, "body": _encode(route)}
    await connection.execute(patrol_route.insert().values(**values, made_at=stamp(now), made_by=by))
    return after + 1


async def add_act(
    connection: AsyncConnection, complex_id: str, act: Act, phone_at: datetime, received_at: datetime
) -> bool:
    """Whether it is new: of an act that is sent again the first telling stays."""
    said = {name: getattr(act, name) for name in _ACT}
    times = {"at": stamp(act.at), "phone_at": stamp(phone_at), "received_at": stamp(received_at)}
    due_at = None if act.due_at is None else stamp(act.due_at)
    values = {"complex": complex_id, "due_at": due_at, "is_sure": int(act.is_sure)}
    adding = insert(patrol_act).values(**values, **said, **times)
    done = await connection.execute(adding.on_conflict_do_nothing(index_elements=["complex", "key"]))
    return done.rowcount == 1


async def acts_of(connection: AsyncConnection, complex_id: str, since: datetime, until: datetime) -> list[Act]:
    """Every act of the rounds of which something happened in ``[since, until)``, whole rounds."""
    within_it = (patrol_act.c.at >= stamp(since), patrol_act.c.at < stamp(until))
    named = select(patrol_act.c.round).where(patrol_act.c.complex == complex_id, *within_it)
    due = (patrol_act.c.due_at >= stamp(since), patrol_act.c.due_at < stamp(until))
    named_due = select(patrol_act.c.round).where(patrol_act.c.complex == complex_id, *due)
    of = or_(patrol_act.c.round.in_(named), patrol_act.c.round.in_(named_due))
    query = select(patrol_act).where(patrol_act.c.complex == complex_id, of).order_by(patrol_act.c.at.desc())
    return [_act(row) for row in (await connection.execute(query.limit(MOST_ACTS))).mappings()]


async def route_of_rounds(connection: AsyncConnection, complex_id: str, rounds: Collection[str]) -> dict[str, str]:
    """On which route rounds are that something is known of."""
    query = select(patrol_act.c.round, patrol_act.c.route).distinct()
    query = query.where(patrol_act.c.complex == complex_id, patrol_act.c.round.in_(sorted(rounds)))
    return {row.round: row.route for row in await connection.execute(query)}


def _act(row: object) -> Act:
    return msgspec.convert(row, Act, strict=False)


def names_of(found: Sequence[Point]) -> dict[str, str]:
    return {one.id: one.name for one in found}
