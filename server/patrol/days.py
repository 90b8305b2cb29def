"""Days of rounds: what was planned in a complex and what of it was walked, read from the acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.rounds.plan import Route, Slot, Version, in_force, slots
from domain.rounds.walk import Judged, Walk, extra, fits, judge, walks
from server.store import patrol_rows

LONGEST_DAYS = 92
_A_DAY = timedelta(days=1)


class Scan(NamedTuple):
    """A checkpoint that was read, by name. ``came_at``: when the centre heard of it, where that was later."""

    point: str
    at: datetime
    came_at: datetime | None


class Round(msgspec.Struct, frozen=True):
    """A line of the board: a round with its route, and checkpoints by name."""

    route_id: str
    route: Route
    judged: Judged
    at: datetime  # when it is due; of an extra one, when it began
    read: int
    missing: tuple[str, ...]
    strays: tuple[str, ...]
    scans: tuple[Scan, ...] = ()

    @property
    def walk(self) -> Walk | None:
        return self.judged.walk

    @property
    def through_at(self) -> datetime | None:
        return None if self.walk is None else self.walk.through_at(self.route.points)


class Tally(msgspec.Struct, frozen=True):
    """How many rounds stand how."""

    planned: int
    done: int
    yellow: int
    red: int


def bounds(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments of whole days, by a complex's clock."""
    return tuple(datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + _A_DAY))  # type: ignore[return-value]


async def rounds_of(
    connection: AsyncConnection, complex_id: str, zone: ZoneInfo, days: tuple[date, date], now: datetime
) -> list[Round]:
    """Every round of these days, planned or not, by time."""
    since, until = bounds(*days, zone)
    routes = await patrol_rows.routes(connection, complex_id)
    names = patrol_rows.names_of(await patrol_rows.points(connection, complex_id, ended=True))
    acts = await patrol_rows.acts_of(connection, complex_id, since - _A_DAY, until + _A_DAY)
    walked = list(walks(acts).values())
    return told(routes, names, walked, Window(zone, since, until), now)


class Window(msgspec.Struct, frozen=True):
    """``[since, until)``, by the clocks of a zone."""

    zone: ZoneInfo
    since: datetime
    until: datetime

    def holds(self, at: datetime) -> bool:
        return self.since <= at < self.until


def told(
    routes: Mapping[str, Sequence[Version]],
    names: Mapping[str, str],
    walked: Iterable[Walk],
    window: Window,
    now: datetime,
) -> list[Round]:
    """The lines of a window. A round of a slot that the plan no longer has is an extra one."""
    walked = list(walked)
    planned = _slots(routes, window)
    found = [
        _line(slot.route_id, slot.route, judge(slot, walked, now), names)
        for slot in planned
        if window.holds(slot.due_at)
    ]
    taken = {walk.round for walk in walked for slot in planned if fits(slot, walk)}
    for walk in walked:
        route = _route_of(routes.get(walk.route, ()), walk)
        if walk.round not in taken and window.holds(walk.begun_at) and route is not None:
            found.append(_line(walk.route, route, extra(walk), names))
    return sorted(found, key=lambda one: (one.at, one.route.name, one.route_id))


def _slots(routes: Mapping[str, Sequence[Version]], window: Window) -> list[Slot]:
    """Of the neighbouring days too: a round may begin on another day than it is due."""
    since, until = window.since - _A_DAY, window.until + _A_DAY
    return [
        slot for identity in sorted(routes) for slot in slots(identity, routes[identity], window.zone, since, until)
    ]


def _route_of(versions: Sequence[Version], walk: Walk) -> Route | None:
    if not versions:
        return None
    return (in_force(versions, walk.begun_at) or versions[0]).route


def _line(route_id: str, route: Route, judged: Judged, names: Mapping[str, str]) -> Round:
    walk, slot = judged.walk, judged.slot
    missing = walk.missing(route.points) if walk else list(route.points)
    strays = walk.strays(route.points) if walk and route.is_ordered else []
    at = slot.due_at if slot is not None else (walk.begun_at if walk else datetime.min.replace(tzinfo=UTC))
    return Round(
        route_id=route_id,
        route=route,
        judged=judged,
        at=at,
        read=len(route.points) - len(missing),
        missing=tuple(names.get(point, point) for point in missing),
        strays=tuple(names.get(point, point) for point in strays),
        scans=_scans(walk, names) if walk else (),
    )


def _scans(walk: Walk, names: Mapping[str, str]) -> tuple[Scan, ...]:
    return tuple(Scan(names.get(point, point), walk.reads[point], walk.late.get(point)) for point in walk.order)


def tally(rounds: Iterable[Round]) -> Tally:
    tints = [one.judged.tint for one in rounds if one.judged.slot is not None]
    return Tally(len(tints), tints.count("good"), tints.count("yellow"), tints.count("red"))
