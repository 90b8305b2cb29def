"""Statements on silences, and on what people said of alerts that were none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.noise import WITHIN, Judged, Source
from domain.alerts.silences import Silence
from server.store.duty_tables import noise, silence
from server.store.engine import stamp, unstamp
from server.store.schema import complex_
from server.store.scope import Scope, within
from server.store.upsert import insert

MOST_SHOWN, MOST_JUDGED = 200, 20_000


class SilenceView(msgspec.Struct, frozen=True):
    """A silence as the list shows it."""

    id: str
    complex: str
    complex_name: str | None
    timezone: str | None
    by: str
    reason: str
    since: datetime
    until: datetime
    rule: str
    category: str
    device: str
    place: str
    up_to: str
    ended_at: datetime | None
    ended_by: str | None

    def is_in_force(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.until


async def add(connection: AsyncConnection, one: Silence) -> None:
    said = msgspec.structs.asdict(one) | {"since": stamp(one.since), "until": stamp(one.until)}
    await connection.execute(silence.insert().values(**said | {"category": one.category or ""}))


async def end(connection: AsyncConnection, identity: str, by: str, now: datetime) -> bool:
    """Take it back before its end; whether there was one in force."""
    here = (silence.c.id == identity, silence.c.ended_at.is_(None), silence.c.until > stamp(now))
    done = await connection.execute(update(silence).where(*here).values(ended_at=stamp(now), ended_by=by))
    return done.rowcount == 1


async def in_force(connection: AsyncConnection, complex_id: str, now: datetime) -> list[Silence]:
    here = (silence.c.complex == complex_id, silence.c.ended_at.is_(None), silence.c.until > stamp(now))
    rows = (await connection.execute(select(silence).where(*here))).mappings()
    wanted = Silence.__struct_fields__
    said = [{name: row[name] for name in wanted} | {"category": row["category"] or None} for row in rows]
    return [msgspec.convert(one, Silence, strict=False) for one in said]


async def is_one_over(connection: AsyncConnection, since: datetime, now: datetime) -> bool:
    """Whether one has run out, or was taken back, after a moment."""
    ran_out = and_(silence.c.ended_at.is_(None), silence.c.until > stamp(since), silence.c.until <= stamp(now))
    here = or_(ran_out, silence.c.ended_at > stamp(since))
    return (await connection.execute(select(silence.c.id).where(here).limit(1))).first() is not None


async def page(connection: AsyncConnection, scope: Scope, complex_id: str = "") -> list[SilenceView]:
    """The newest first, those that have ended too."""
    query = select(silence, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.outerjoin(complex_, complex_.c.id == silence.c.complex).where(within(silence.c.complex, scope))
    if complex_id:
        query = query.where(silence.c.complex == complex_id)
    rows = await connection.execute(query.order_by(silence.c.since.desc(), silence.c.id).limit(MOST_SHOWN))
    return [msgspec.convert(row, SilenceView) for row in rows.mappings()]


async def one(connection: AsyncConnection, scope: Scope, identity: str) -> SilenceView | None:
    query = select(silence, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.outerjoin(complex_, complex_.c.id == silence.c.complex)
    row = (await connection.execute(query.where(silence.c.id == identity, within(silence.c.complex, scope)))).mappings()
    found = row.first()
    return None if found is None else msgspec.convert(found, SilenceView)


async def judge(connection: AsyncConnection, judged: Sequence[Judged], by: str) -> None:
    """What a person said of alerts; of one alert the last word counts."""
    for one in judged:
        source = {"complex": one.source.complex, "device": one.source.device, "rule": one.source.rule}
        said = {"at": stamp(one.at), "is_false": int(one.is_false), "by": by}
        adding = insert(noise).values(alert=one.alert, **source, **said)
        await connection.execute(adding.on_conflict_do_update(index_elements=["alert"], set_=said))


async def judged_of(connection: AsyncConnection, complex_id: str, now: datetime) -> list[Judged]:
    """Of a complex, within the time that counts."""
    return await _judged(connection, noise.c.complex == complex_id, now)


async def judged_in(connection: AsyncConnection, scope: Scope, now: datetime) -> list[Judged]:
    return await _judged(connection, within(noise.c.complex, scope), now)


async def judged_at(connection: AsyncConnection, sources: Collection[Source], now: datetime) -> list[Judged]:
    """Of some sources, whosever they are."""
    wanted = {name: sorted({getattr(one, name) for one in sources}) for name in Source._fields}
    where = and_(*(noise.c[name].in_(words) for name, words in wanted.items()))
    return [one for one in await _judged(connection, where, now) if one.source in sources]


async def _judged(connection: AsyncConnection, where: object, now: datetime) -> list[Judged]:
    query = select(noise).where(where, noise.c.at > stamp(now - WITHIN))  # pyright: ignore[reportArgumentType]
    rows = (await connection.execute(query.order_by(noise.c.at.desc()).limit(MOST_JUDGED))).mappings()
    return [_said(row) for row in rows]


def _said(row: Any) -> Judged:
    source = Source(row["complex"], row["device"], row["rule"])
    return Judged(source, row["alert"], unstamp(row["at"]), bool(row["is_false"]))
