"""For how long each gateway was heard, and its devices were online, hour by hour: a row a day, for a year and more.

A gateway counts as heard from a hello to the next, for LASTING_S at most: of a longer silence nobody knows anything,
and it is time without it. A device counts as online while its gateway is heard and does not call it offline.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.fleet_tables import gateway_online
from server.store.schema import gateway
from server.store.upsert import insert

LASTING_S = 60  # of one hello: as long as the fleet page takes to call a gateway silent
PLACES = 400  # days that are kept: a place is used again after that, so it is bounded
_HOUR_S = 3_600


class Heard(NamedTuple):
    """Seconds a gateway was heard; and, over its listed devices, the seconds they were known of, and were online."""

    gateway_s: int = 0
    device_s: int = 0
    online_s: int = 0

    def plus(self, other: Heard) -> Heard:
        return Heard(*(one + two for one, two in zip(self, other, strict=True)))


class Span(NamedTuple):
    """A gateway was heard from one moment to another, with so many devices, so many of them offline."""

    gateway: str
    since: datetime
    until: datetime
    listed: int
    down: int


Hours = dict[str, Heard]  # by the hour of the day, in UTC


def span(gateway_id: str, before: datetime, now: datetime, listed: int, down: int) -> Span:
    """What a hello says of the time since the one before; of a clock that was set back, no time at all."""
    until = min(now, before + timedelta(seconds=LASTING_S))
    return Span(gateway_id, before, max(before, until), listed, min(down, listed))


def by_hour(one: Span) -> dict[datetime, Heard]:
    """The span in the hours that it touches, in whole seconds such that one span after the other adds up."""
    at, end, found = int(one.since.timestamp()), int(one.until.timestamp()), dict[datetime, Heard]()
    while at < end:
        hour = at - at % _HOUR_S
        lasted = min(end, hour + _HOUR_S) - at
        found[datetime.fromtimestamp(hour, UTC)] = Heard(lasted, lasted * one.listed, lasted * (one.listed - one.down))
        at += lasted
    return found


async def keep(connection: AsyncConnection, spans: Iterable[Span]) -> None:
    """Add these to what is known. Of a gateway one at a time: whoever calls has its row of ``gateway`` locked."""
    fresh: dict[tuple[str, date], Hours] = {}
    for one in spans:
        for hour, heard in by_hour(one).items():
            fresh.setdefault((one.gateway, hour.date()), {})[str(hour.hour)] = heard
    if not fresh:
        return
    known = await _known(connection, fresh)
    rows = [_row(*key, _added(known.get(key, {}), hours)) for key, hours in sorted(fresh.items())]
    into = insert(gateway_online)
    changed = {name: into.excluded[name] for name in ("day", "hours")}
    await connection.execute(into.on_conflict_do_update(index_elements=["gateway", "place"], set_=changed), rows)


def _row(gateway_id: str, day: date, hours: Hours) -> dict[str, Any]:
    said = {hour: list(heard) for hour, heard in hours.items()}
    return {"gateway": gateway_id, "place": day.toordinal() % PLACES, "day": day.isoformat(), "hours": said}


def _added(known: Hours, fresh: Hours) -> Hours:
    return known | {hour: heard.plus(known.get(hour, Heard())) for hour, heard in fresh.items()}


async def _known(connection: AsyncConnection, keys: Collection[tuple[str, date]]) -> dict[tuple[str, date], Hours]:
    days = {day.isoformat() for _, day in keys}
    query = select(gateway_online.c.gateway, gateway_online.c.day, gateway_online.c.hours)
    query = query.where(gateway_online.c.gateway.in_({id_ for id_, _ in keys}), gateway_online.c.day.in_(days))
    return {(row.gateway, date.fromisoformat(row.day)): _hours(row.hours) for row in await connection.execute(query)}


def _hours(said: Any) -> Hours:
    return msgspec.convert(said, Hours)


async def heard(connection: AsyncConnection, chosen: Any, since: datetime, until: datetime) -> Mapping[str, Heard]:
    """Gateway -> what was heard of it in the hours that begin in a time, of the gateways that a condition chooses."""
    days = (since.astimezone(UTC).date().isoformat(), until.astimezone(UTC).date().isoformat())
    query = select(gateway_online.c.gateway, gateway_online.c.day, gateway_online.c.hours)
    query = query.join(gateway, gateway.c.id == gateway_online.c.gateway)
    query = query.where(chosen, gateway_online.c.day >= days[0], gateway_online.c.day <= days[1])
    found: dict[str, Heard] = {}
    for row in await connection.execute(query):
        midnight = datetime.fromisoformat(row.day).replace(tzinfo=UTC)
        for hour, said in _hours(row.hours).items():
            if since <= midnight + timedelta(hours=int(hour)) < until:
                found[row.gateway] = said.plus(found.get(row.gateway, Heard()))
    return found


class Gateway(NamedTuple):
    """A gateway, since when its time is counted, until when, and how many devices it last listed."""

    id: str
    complex: str
    counted_since: datetime
    until: datetime | None  # it was replaced then
    last_seen_at: datetime | None
    devices: int


class Online(NamedTuple):
    """Seconds that should be, and seconds that were: of gateways, and of devices."""

    gateway_due_s: int = 0
    gateway_s: int = 0
    device_due_s: int = 0
    device_s: int = 0

    def plus(self, other: Online) -> Online:
        return Online(*(one + two for one, two in zip(self, other, strict=True)))

    @property
    def gateways(self) -> float | None:
        """The share of the time, 0 to 1; None where there is no gateway, or none was counted yet."""
        return min(1.0, self.gateway_s / self.gateway_due_s) if self.gateway_due_s else None

    @property
    def devices(self) -> float | None:
        return min(1.0, self.device_s / self.device_due_s) if self.device_due_s else None


def online(one: Gateway, heard: Heard, since: datetime, until: datetime) -> Online:
    """What was of what should be. A gateway that is not heard takes along as many devices as it last listed."""
    seen = one.last_seen_at
    if seen is not None and seen < until <= seen + timedelta(seconds=LASTING_S):
        until = seen  # what has passed since the last hello is told by the next
    end = min(until, one.until) if one.until else until
    due = max(0, int(end.timestamp()) - int(max(since, one.counted_since).timestamp()))
    unheard = max(0, due - heard.gateway_s)
    return Online(due, min(heard.gateway_s, due), heard.device_s + unheard * one.devices, heard.online_s)
