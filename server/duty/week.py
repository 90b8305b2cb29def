"""A week of a rota as a page shows it: who is on by level and day, and when nobody is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from domain.duty.hours import moment
from domain.duty.plan import LEVELS, Level
from domain.duty.rota import Rota, Turn
from domain.places import Place

DAYS = 7
Span = tuple[datetime, datetime]


class Shift(NamedTuple):
    """A turn on a day. ``person``: who comes, ``instead_of`` whom; "" nobody comes."""

    turn: int
    since: datetime
    until: datetime
    person: str
    instead_of: str = ""


class Day(NamedTuple):
    day: date
    shifts: list[Shift]
    holes: list[Span]


class LevelWeek(NamedTuple):
    """A level whose rota is empty is told at its desk: that is no hole."""

    level: Level
    is_empty: bool
    days: list[Day]


def week_of(rota: Rota, place: Place, first: date) -> list[LevelWeek]:
    """Seven days from ``first`` on, level by level."""
    return [_level(rota, place, first, level) for level in LEVELS]


def _level(rota: Rota, place: Place, first: date, level: Level) -> LevelWeek:
    turns = [(index, turn) for index, turn in enumerate(rota.turns) if turn.level == level]
    days = [first + timedelta(days=ahead) for ahead in range(DAYS)]
    return LevelWeek(level, not turns, [_day(rota, place, day, level, turns) for day in days])


def _day(rota: Rota, place: Place, day: date, level: Level, turns: Sequence[tuple[int, Turn]]) -> Day:
    shifts = [_shift(rota, place, day, index, turn) for index, turn in turns]
    on = sorted((one for one in shifts if one is not None), key=lambda one: (one.since, rota.turns[one.turn].order))
    bounds = moment(day, 0, place), moment(day + timedelta(days=1), 0, place)
    return Day(day, on, rota.holes(level, *bounds, place) if turns else [])


def _shift(rota: Rota, place: Place, day: date, index: int, turn: Turn) -> Shift | None:
    span = turn.span
    since = moment(day, span.start_min, place)
    if not turn.holds(since, place):
        return None
    ends_on = day if span.start_min < span.end_min else day + timedelta(days=1)
    person = _comes(rota, turn.person, since)
    return Shift(
        index, since, moment(ends_on, span.end_min, place), person, "" if person == turn.person else turn.person
    )


def _comes(rota: Rota, person: str, at: datetime) -> str:
    """The last word on a swap counts."""
    for swap in reversed(rota.swaps):
        if swap.person == person and swap.since.astimezone(UTC) <= at < swap.until.astimezone(UTC):
            return swap.instead
    return person
