"""Example stays that show what a tariff comes to, and how two versions differ on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.tariff.charges import NoPrice
from domain.tariff.fee import BadStay, Quote, fee
from domain.tariff.plan import Plan

Name = Literal["minutes_15", "hour_1", "hours_3", "overnight", "hours_25", "weekend", "holiday", "own"]
_SATURDAY = 5
_MOST_DAYS = 400


class Example(msgspec.Struct, frozen=True):
    """A stay to look at."""

    name: Name
    entry: datetime
    exit: datetime


class Priced(msgspec.Struct, frozen=True):
    """What a stay costs by a plan, and what by another; ``problem``: why it has no price."""

    example: Example
    quote: Quote | None
    problem: str
    before_fen: int | None = None

    @property
    def change_fen(self) -> int | None:
        """How much more it costs than before."""
        return None if self.quote is None or self.before_fen is None else self.quote.fee_fen - self.before_fen


def example_stays(plan: Plan, on: date) -> list[Example]:
    """The usual ones, on the first days of their kind from ``on``; a holiday only where the calendar has one."""
    zone = ZoneInfo(plan.timezone)
    workday = _first(plan, on, "workday", zone)
    weekend = _saturday(plan, on, zone)

    def stay(name: Name, day: date, hour: int, **length: int) -> Example:
        entry = datetime.combine(day, time(hour), zone)
        return Example(name, entry, entry + timedelta(**length))

    found = [
        stay("minutes_15", workday, 10, minutes=15),
        stay("hour_1", workday, 10, hours=1),
        stay("hours_3", workday, 10, hours=3),
        stay("overnight", workday, 20, hours=12),
        stay("hours_25", workday, 10, hours=25),
        stay("weekend", weekend, 10, hours=6),
    ]
    holiday = _holiday(plan, on)
    return [*found, stay("holiday", holiday, 10, hours=6)] if holiday else found


def priced(plan: Plan, examples: Iterable[Example], before: Plan | None = None) -> list[Priced]:
    """Each with its fee, and what it cost before."""
    return [_priced(plan, one, before) for one in examples]


def _priced(plan: Plan, example: Example, before: Plan | None) -> Priced:
    quote, problem = _quote(plan, example)
    old = _quote(before, example)[0] if before is not None else None
    return Priced(example, quote, problem, old.fee_fen if old else None)


def _quote(plan: Plan, example: Example) -> tuple[Quote | None, str]:
    try:
        return fee(plan, example.entry, example.exit), ""
    except (NoPrice, BadStay) as error:
        return None, str(error)


def _first(plan: Plan, on: date, kind: str, zone: ZoneInfo) -> date:
    days = (on + timedelta(days=number) for number in range(_MOST_DAYS))
    return next((day for day in days if _kind(plan, day, zone) == kind), on)


def _saturday(plan: Plan, on: date, zone: ZoneInfo) -> date:
    days = (on + timedelta(days=number) for number in range(_MOST_DAYS))
    usual = (day for day in days if day.weekday() == _SATURDAY and _kind(plan, day, zone) == "restday")
    return next(usual, on)


def _holiday(plan: Plan, on: date) -> date | None:
    """The next day that rests only by the calendar."""
    dated = sorted(date.fromisoformat(day) for day, kind in plan.calendar.items() if kind == "restday")
    return next((day for day in dated if day >= on and day.weekday() < _SATURDAY), None)


def _kind(plan: Plan, day: date, zone: ZoneInfo) -> str:
    offset = datetime.combine(day, time(12), zone).utcoffset() or timedelta()
    noon = datetime.combine(day, time(12), zone).timestamp() + offset.total_seconds()
    return plan.days.kind(int(noon))
