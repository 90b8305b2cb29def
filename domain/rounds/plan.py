"""A route of checkpoints and the times at which it is to be walked; the rounds that are planned between two moments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_POINTS, MOST_TIMES, MOST_NAME_SIGNS = 100, 48, 60
MOST_TOLERANCE_MIN, MOST_WITHIN_MIN = 120, 480
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class BadRoute(ValueError):
    """A route that cannot be walked as it is written: the field, and what to do."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is walked: ids of checkpoints in their order, and when.

    A round is to begin within ``tolerance_min`` of its time, before or behind, and to be through ``within_min`` after
    it. ``is_ordered``: whether another order is worth a word. ``ended``: it is planned no more.
    """

    name: Annotated[str, Meta(min_length=1, max_length=MOST_NAME_SIGNS)]
    points: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_POINTS)]
    times: Annotated[tuple[str, ...], Meta(max_length=MOST_TIMES)] = ()
    days: tuple[Day, ...] = WEEK
    tolerance_min: Annotated[int, Meta(ge=1, le=MOST_TOLERANCE_MIN)] = 15
    within_min: Annotated[int, Meta(ge=2, le=MOST_WITHIN_MIN)] = 60
    is_ordered: bool = False
    ended: bool = False

    @property
    def tolerance(self) -> timedelta:
        return timedelta(minutes=self.tolerance_min)

    @property
    def within(self) -> timedelta:
        return timedelta(minutes=self.within_min)


def check(route: Route, known: Sequence[str]) -> Route:
    """The route with its times sorted, each once. ``known``: checkpoints that are there. Raises BadRoute."""
    if any(_TIME.fullmatch(text) is None for text in route.times):
        raise BadRoute("times: write times of day like 22:00")
    if not route.days:
        raise BadRoute("days: choose at least one day")
    if len(set(route.points)) != len(route.points):
        raise BadRoute("points: each checkpoint stands in a route once")
    if not set(route.points) <= set(known):
        raise BadRoute("points: choose checkpoints that are there")
    if route.tolerance_min >= route.within_min:
        raise BadRoute("within: a round must be given longer than its tolerance")
    return msgspec.structs.replace(route, times=tuple(sorted(set(route.times))))


class Version(NamedTuple):
    """A route as it stood from a moment on."""

    number: int
    since: datetime
    route: Route


class Slot(NamedTuple):
    """A round that is planned: by the version that counted when it was due."""

    route_id: str
    version: int
    route: Route
    due_at: datetime

    @property
    def opens_at(self) -> datetime:
        """From when on it may be begun."""
        return self.due_at - self.route.tolerance

    @property
    def late_after(self) -> datetime:
        return self.due_at + self.route.tolerance

    @property
    def missed_after(self) -> datetime:
        return self.due_at + self.route.within


def in_force(versions: Sequence[Version], at: datetime) -> Version | None:
    """The version that counts at a moment; ``versions`` by number."""
    return next((one for one in reversed(versions) if one.since <= at), None)


def slots(route_id: str, versions: Sequence[Version], zone: ZoneInfo, since: datetime, until: datetime) -> list[Slot]:
    """Rounds that are due in ``[since, until)``. A change of the plan counts for what is due after it."""
    found: dict[datetime, Slot] = {}
    for version in versions:
        for due_at in _times(version.route, zone, since, until):
            if in_force(versions, due_at) is version and not version.route.ended:
                found[due_at] = Slot(route_id, version.number, version.route, due_at)
    return [found[at] for at in sorted(found)]


def _times(route: Route, zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        if WEEK[day.weekday()] in route.days:
            yield from (at for text in route.times if since <= (at := _moment(day, text, zone)) < until)
        day += timedelta(days=1)


def _moment(day: date, text: str, zone: ZoneInfo) -> datetime:
    """A time of day that the clocks skip is the moment at which they skip it."""
    return datetime.combine(day, time.fromisoformat(text), zone).astimezone(UTC)
