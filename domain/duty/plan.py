"""The ladder: which levels a matter climbs, by its category, and how long each of them has."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from domain.alerts.words import Category, Severity
from domain.located import located
from domain.places import BadHours, Hours, hours

Level = Literal["complex", "community", "street", "department"]  # each calls the next: 小区吹哨、街道吹哨、部门报到
LEVELS: tuple[Level, ...] = get_args(Level)
Seconds = Annotated[int, Meta(ge=30, le=90 * 86_400)]
EMERGENCY: Severity = "critical"


class BadPlan(Exception):
    """A plan or a rota that cannot be used; the message begins with the path of the wrong key."""


class Waits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a level has to take a matter, by how bad it is. An emergency has its own, the ladder's."""

    high: Seconds = 1_800
    medium: Seconds = 4 * 3_600
    low: Seconds = 24 * 3_600


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A level and its time. ``working``: hours as ``08:30-12:00``; outside them its time stands still, except in an
    emergency."""

    level: Level
    waits: Waits = Waits()
    working: Annotated[tuple[str, ...], Meta(max_length=4)] = ()

    def __post_init__(self) -> None:
        _ = self.hours

    @property
    def hours(self) -> tuple[Hours, ...]:
        return tuple(_hours(span) for span in self.working)


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The levels from the first to the top. An emergency goes on to the next person after ``person_s`` and to the next
    level after ``level_s``; what nobody took ``expire_s`` after the top was told, ends as unanswered. What is
    milder than ``at_least`` is listed and climbs nothing."""

    rungs: Annotated[tuple[Rung, ...], Meta(min_length=1, max_length=len(LEVELS))]
    person_s: Seconds = 60
    level_s: Seconds = 180
    expire_s: Seconds = 7 * 86_400
    at_least: Severity = "medium"

    def __post_init__(self) -> None:
        order = [LEVELS.index(rung.level) for rung in self.rungs]
        if order != sorted(set(order)):
            raise ValueError(f"`rungs`: each level once, in the order {', '.join(LEVELS)}")

    def rung_of(self, level: Level) -> int | None:
        return next((index for index, rung in enumerate(self.rungs) if rung.level == level), None)


# An elder is looked in on by people who know the house: soon, and not by a department.
_CARE = Ladder((Rung("complex", Waits(medium=3_600)), Rung("community", Waits(medium=2 * 3_600)), Rung("street")))


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ladder for each category; plans of before there was care have the usual one."""

    security: Ladder
    fire: Ladder
    safety: Ladder
    device: Ladder
    care: Ladder = _CARE

    def ladder(self, category: Category) -> Ladder:
        return getattr(self, category)


def read_plan(document: object) -> Plan:
    """The plan in a parsed YAML or JSON document. Raises BadPlan."""
    try:
        return msgspec.convert(document, Plan)
    except msgspec.ValidationError as error:
        raise BadPlan(located("", str(error)).removeprefix(".")) from error


def _hours(span: str) -> Hours:
    start, _, end = span.partition("-")
    try:
        found = hours(start, end)
    except BadHours as error:
        raise ValueError(f"`working`: {error}; expected hours like 08:30-12:00") from error
    if found.start_min >= found.end_min:
        raise ValueError(f"`working`: {span!r} ends before it begins; a night is two spans, to 24:00 and from 00:00")
    return found


_OFFICE = ("08:30-12:00", "14:00-18:00")
_COMPLEX = Rung("complex")
_COMMUNITY = Rung("community", Waits(3_600, 8 * 3_600, 24 * 3_600), _OFFICE)
_STREET = Rung("street", Waits(2 * 3_600, 16 * 3_600, 40 * 3_600), _OFFICE)
_DEPARTMENT = Rung("department", Waits(8 * 3_600, 24 * 3_600, 80 * 3_600), _OFFICE)
_WHOLE = Ladder((_COMPLEX, _COMMUNITY, _STREET, _DEPARTMENT))
BUILT_IN = Plan(security=_WHOLE, fire=_WHOLE, safety=_WHOLE, device=Ladder((_COMPLEX, _COMMUNITY, _STREET)))
