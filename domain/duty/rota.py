"""The duty rota: who is on duty at a level at a moment, in which order they are asked, and when nobody is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.duty.hours import moment
from domain.duty.plan import BadPlan, Level
from domain.located import located
from domain.places import BadHours, Hours, Place, hours

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "workday", "restday"]
WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Person = Annotated[str, Meta(min_length=1, max_length=200)]


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's hours, as ``20:00-08:00``, on days of the week or of the calendar. A night belongs to the day on which
    it begins. ``order``: who is asked first."""

    person: Person
    level: Level
    hours: str
    days: tuple[Day, ...] = WEEK
    order: Annotated[int, Meta(ge=1, le=99)] = 1

    def __post_init__(self) -> None:
        _ = self.span

    @property
    def span(self) -> Hours:
        start, _, end = self.hours.partition("-")
        try:
            return hours(start, end)
        except BadHours as error:
            raise ValueError(f"`hours`: {error}; expected a span like 20:00-08:00") from error

    def holds(self, at: datetime, place: Place) -> bool:
        local = at.astimezone(place.zone)
        span, minute = self.span, local.hour * 60 + local.minute
        if span.start_min < span.end_min:
            return span.start_min <= minute < span.end_min and self._is_on(local.date(), place)
        if minute >= span.start_min:
            return self._is_on(local.date(), place)
        return minute < span.end_min and self._is_on(local.date() - timedelta(days=1), place)

    def _is_on(self, day: date, place: Place) -> bool:
        return WEEK[day.weekday()] in self.days or place.day_kind(moment(day, 0, place)) in self.days


class Swap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For a while somebody else stands in for a person; "" nobody does."""

    person: Person
    instead: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("`since`: times want a zone, as 2026-12-01T20:00:00+08:00")
        if self.until <= self.since:
            raise ValueError("`until`: ends before it begins")


class Rota(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Turns that come back each week, and who swapped."""

    turns: Annotated[tuple[Turn, ...], Meta(max_length=500)] = ()
    swaps: Annotated[tuple[Swap, ...], Meta(max_length=500)] = ()

    def on_duty(self, level: Level, at: datetime, place: Place) -> tuple[str, ...]:
        """Who is, in the order in which they are asked; each person once."""
        now = [turn for turn in self.turns if turn.level == level and turn.holds(at, place)]
        persons = (self._stands_in(turn.person, at) for turn in sorted(now, key=lambda one: one.order))
        return tuple(dict.fromkeys(person for person in persons if person))

    def _stands_in(self, person: str, at: datetime) -> str:
        """The last word on a swap counts."""
        for swap in reversed(self.swaps):
            if swap.person == person and swap.since <= at < swap.until:
                return swap.instead
        return person

    def next_change(self, after: datetime, place: Place) -> datetime | None:
        """When somebody's turn or swap begins or ends next; None where that is not within two days."""
        within = self._changes(after, after + timedelta(days=2), place)
        return min((at for at in within if at > after), default=None)

    def holes(self, level: Level, since: datetime, until: datetime, place: Place) -> list[tuple[datetime, datetime]]:
        """When nobody is on duty at a level; a page says so before the night does."""
        edges = sorted({since, until, *(at for at in self._changes(since, until, place) if since < at < until)})
        found: list[tuple[datetime, datetime]] = []
        for begins, ends in pairwise(edges):
            if not self.on_duty(level, begins, place):
                joins = found and found[-1][1] == begins
                found.append((found.pop()[0] if joins else begins, ends))
        return found

    def _changes(self, since: datetime, until: datetime, place: Place) -> set[datetime]:
        first, last = since.astimezone(place.zone).date(), until.astimezone(place.zone).date()
        days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        minutes = {0} | {edge for turn in self.turns for edge in (turn.span.start_min, turn.span.end_min)}
        return {moment(day, minute, place) for day in days for minute in minutes} | {
            at for swap in self.swaps for at in (swap.since, swap.until)
        }


def read_rota(document: object) -> Rota:
    """The rota in a parsed YAML or JSON document. Raises BadPlan."""
    try:
        return msgspec.convert(document, Rota)
    except msgspec.ValidationError as error:
        raise BadPlan(located("", str(error)).removeprefix(".")) from error
