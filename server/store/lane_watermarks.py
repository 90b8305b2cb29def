"""Up to when each gateway of a complex has told of its lanes; until then stays, and what they cost, are provisional."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp, unstamp
from server.store.parking_tables import lane_watermark
from server.store.schema import complex_, gateway, mark

_STREAM = "money"  # plates and barriers travel in it
_NEVER = datetime.min.replace(tzinfo=ZoneInfo("UTC"))


class Lag(msgspec.Struct, frozen=True):
    """A gateway that has not told of its lanes up to a moment yet; ``told_until`` None: it never said anything."""

    gateway: str
    told_until: datetime | None


class Stand(msgspec.Struct, frozen=True):
    """How far the gateways of a complex are."""

    told: dict[str, datetime | None]

    def lagging(self, until: datetime) -> list[Lag]:
        """Those that may still tell of something before ``until``."""
        return [Lag(name, at) for name, at in sorted(self.told.items()) if at is None or at < until]

    def is_provisional(self, at: datetime) -> bool:
        """Whether something from before this moment may still come, and change what is known of it."""
        return bool(self.lagging(at))

    @property
    def until(self) -> datetime | None:
        """Up to when everything is here; None for a complex without gateways, or with one that never told."""
        known = [at or _NEVER for at in self.told.values()]
        return min(known) if known and min(known) > _NEVER else None


class _Head(msgspec.Struct):
    epoch: str = ""
    head: int = 0


class _Status(msgspec.Struct):
    streams: dict[str, _Head] = {}


async def stand(connection: AsyncConnection, complex_id: str) -> Stand:
    """How far the gateways of one complex are."""
    return (await stands(connection, [complex_id]))[complex_id]


async def stands(connection: AsyncConnection, complexes: Collection[str]) -> dict[str, Stand]:
    """By the newest record of the money stream that came, or by the last hello where all it spoke of is here."""
    columns = (gateway.c.complex, gateway.c.id, gateway.c.status, gateway.c.last_seen_at)
    query = select(*columns).where(gateway.c.complex.in_(complexes), gateway.c.replaced_at.is_(None))
    rows = (await connection.execute(query)).all()
    names = [row.id for row in rows]
    query = select(lane_watermark.c.gateway, lane_watermark.c.told_until)
    query = query.where(lane_watermark.c.complex.in_(complexes), lane_watermark.c.gateway.in_(names))
    told = {row.gateway: unstamp(row.told_until) for row in await connection.execute(query)}
    query = select(mark.c.gateway, mark.c.epoch, mark.c.last).where(mark.c.gateway.in_(names), mark.c.stream == _STREAM)
    marks = {(row.gateway, row.epoch): row.last for row in await connection.execute(query)}
    found: dict[str, Stand] = {name: Stand({}) for name in complexes}
    for row in rows:
        found[row.complex].told[row.id] = _later(told.get(row.id), _by_hello(row, marks))
    return found


def _by_hello(row: Any, marks: dict[tuple[str, str], int]) -> datetime | None:
    if not row.last_seen_at:
        return None
    try:
        said = msgspec.convert(row.status or {}, _Status).streams.get(_STREAM, _Head())
    except msgspec.ValidationError:  # of a version that says it otherwise
        return None
    is_all_here = said.head <= marks.get((row.id, said.epoch), 0)
    return unstamp(row.last_seen_at) if said.epoch and is_all_here else None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


async def provisional(connection: AsyncConnection, complex_id: str, day: date) -> list[Lag]:
    """The gateways that may still tell of this day of the complex; empty: it is whole.

    One that came to the complex after the day tells nothing of it. A gateway that is gone for good is replaced or
    retired on its page; else whoever closes the day says why it is left out.
    """
    return (await provisional_days(connection, complex_id, [day])).get(day, [])


async def provisional_days(
    connection: AsyncConnection, complex_id: str, days: Collection[date]
) -> dict[date, list[Lag]]:
    """The same of several days, those only that are not whole."""
    if not days:
        return {}
    zone = await connection.execute(select(complex_.c.timezone).where(complex_.c.id == complex_id))
    place = ZoneInfo(zone.scalar() or "Asia/Shanghai")
    query = select(gateway.c.id, gateway.c.enrolled_at).where(gateway.c.complex == complex_id)
    since = {row.id: row.enrolled_at or "" for row in await connection.execute(query)}
    told = await stand(connection, complex_id)
    found: dict[date, list[Lag]] = {}
    for day in days:
        end = datetime.combine(day + timedelta(days=1), time(), place)
        found[day] = [one for one in told.lagging(end) if since.get(one.gateway, "") < stamp(end)]
    return {day: late for day, late in found.items() if late}
