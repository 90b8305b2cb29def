"""Statements on upper platforms, the bases of their feeds, and their classes' switches."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feeds.basis import Basis, Cover, cover
from domain.feeds.classes import DataClass
from server.store.engine import stamp, unstamp
from server.store.place_tables import complex_
from server.store.platform_tables import platform, platform_basis, platform_class
from server.store.scope import Scope, within
from server.store.upsert import insert

MOST_SHOWN = 500


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """A platform as its row has it."""

    id: str
    name: str
    kind: str
    address: str
    settings: dict[str, Any]
    secret_file: str = ""
    area: str = ""
    is_on: bool = False
    made_at: str = ""
    made_by: str = ""
    session: str = "off"
    session_at: str = ""
    answer: str | None = None
    answered_at: str | None = None


class Recorded(msgspec.Struct, frozen=True):
    """A basis with who recorded it, and who ended it."""

    number: int
    basis: Basis
    recorded_at: str
    recorded_by: str
    ended_by: str | None
    ended_why: str | None


async def add(connection: AsyncConnection, one: Platform) -> bool:
    """Whether its id was free."""
    values = msgspec.structs.asdict(one) | {"settings": msgspec.json.encode(one.settings), "is_on": int(one.is_on)}
    done = await connection.execute(insert(platform).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


async def every(connection: AsyncConnection) -> list[Platform]:
    rows = (await connection.execute(select(platform).order_by(platform.c.id).limit(MOST_SHOWN))).mappings()
    return [_platform(dict(row)) for row in rows]


async def find(connection: AsyncConnection, id_: str) -> Platform | None:
    row = (await connection.execute(select(platform).where(platform.c.id == id_))).mappings().first()
    return None if row is None else _platform(dict(row))


def _platform(row: dict[str, Any]) -> Platform:
    row["settings"], row["is_on"] = msgspec.json.decode(row["settings"]), bool(row["is_on"])
    return Platform(**row)


async def change(connection: AsyncConnection, one: Platform) -> None:
    """Its name, where records leave to, and whose; what it is owed stays as it is."""
    values = {"name": one.name, "address": one.address, "secret_file": one.secret_file, "area": one.area}
    await connection.execute(update(platform).where(platform.c.id == one.id).values(**values))


async def put_settings(connection: AsyncConnection, id_: str, settings: dict[str, Any]) -> None:
    """What its protocol goes by; a hand-over begins anew with them."""
    body = msgspec.json.encode(settings)
    await connection.execute(update(platform).where(platform.c.id == id_).values(settings=body))


async def turn(connection: AsyncConnection, id_: str, *, is_on: bool) -> None:
    await connection.execute(update(platform).where(platform.c.id == id_).values(is_on=int(is_on)))


async def stands(connection: AsyncConnection, id_: str, session: str, now: datetime) -> None:
    """How its session is."""
    await connection.execute(
        update(platform).where(platform.c.id == id_).values(session=session, session_at=stamp(now))
    )


async def answered(connection: AsyncConnection, id_: str, words: str, now: datetime) -> None:
    """What it said last."""
    values = {"answer": words[:500], "answered_at": stamp(now)}
    await connection.execute(update(platform).where(platform.c.id == id_).values(**values))


async def bases(connection: AsyncConnection, id_: str) -> list[Recorded]:
    """All there ever were, the newest first."""
    of = platform_basis.c.platform == id_
    query = select(platform_basis).where(of).order_by(platform_basis.c.number.desc()).limit(MOST_SHOWN)
    return [_recorded(row) for row in (await connection.execute(query)).all()]


def _recorded(row: Any) -> Recorded:
    basis = Basis(
        unit=row.unit,
        document=row.document,
        classes=cast("frozenset[DataClass]", frozenset(row.classes.split())),
        since=unstamp(row.since),
        until=unstamp(row.until),
        identity_fields=bool(row.identity_fields),
        ended_at=None if row.ended_at is None else unstamp(row.ended_at),
    )
    return Recorded(row.number, basis, row.recorded_at, row.recorded_by, row.ended_by, row.ended_why)


async def record_basis(connection: AsyncConnection, id_: str, basis: Basis, by: str, now: datetime) -> int:
    values = {
        "platform": id_,
        "unit": basis.unit,
        "document": basis.document,
        "classes": " ".join(sorted(basis.classes)),
        "since": stamp(basis.since),
        "until": stamp(basis.until),
        "identity_fields": int(basis.identity_fields),
        "recorded_at": stamp(now),
        "recorded_by": by,
    }
    added = await connection.execute(platform_basis.insert().values(**values).returning(platform_basis.c.number))
    return added.scalar_one()


async def end_basis(connection: AsyncConnection, id_: str, number: int, by: str, why: str, now: datetime) -> bool:
    """Whether it was still in force."""
    this = (platform_basis.c.platform == id_, platform_basis.c.number == number, platform_basis.c.ended_at.is_(None))
    values = {"ended_at": stamp(now), "ended_by": by, "ended_why": why}
    return (await connection.execute(update(platform_basis).where(*this).values(**values))).rowcount == 1


async def off(connection: AsyncConnection, id_: str) -> set[str]:
    """The classes that are switched off."""
    query = select(platform_class.c.data_class).where(platform_class.c.platform == id_, platform_class.c.is_on == 0)
    return set((await connection.execute(query)).scalars())


async def switch(
    connection: AsyncConnection, id_: str, data_class: str, by: str, now: datetime, *, is_on: bool
) -> None:
    values = {"is_on": int(is_on), "at": stamp(now), "by": by}
    statement = insert(platform_class).values(platform=id_, data_class=data_class, **values)
    changed = statement.on_conflict_do_update(index_elements=["platform", "data_class"], set_=values)
    await connection.execute(changed)


def scope_of(one: Platform) -> Scope:
    """Whose complexes' records it is owed."""
    return Scope(areas=frozenset({one.area})) if one.area else Scope(is_city=True)


async def inside(connection: AsyncConnection, one: Platform, complexes: Collection[str]) -> set[str]:
    """Those of some complexes whose records it is owed now: its area may be another since, or a complex moved."""
    if not one.area or not complexes:
        return set(complexes)
    query = select(complex_.c.id).where(complex_.c.id.in_(sorted(complexes)), within(complex_.c.id, scope_of(one)))
    return set((await connection.execute(query)).scalars())


async def cover_of(connection: AsyncConnection, id_: str, now: datetime) -> Cover:
    """What may go to it now; nothing where no basis is in force."""
    recorded = await bases(connection, id_)
    return cover([one.basis for one in recorded], await off(connection, id_), now)
