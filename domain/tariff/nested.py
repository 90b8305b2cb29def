"""A stay with times in lots within the lot: each by its own plan, taken off the outer stay or added to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from domain.tariff.fee import BadStay, Line, Quote, fee
from domain.tariff.plan import Plan


class Within(NamedTuple):
    """From when to when a car was in an inner lot, by the lot's name."""

    lot: str
    start: datetime
    end: datetime


def fee_within(
    plan: Plan,
    entry: datetime,
    exit: datetime,
    within: Sequence[Within],
    *,
    stays: Iterable[tuple[datetime, datetime]] = (),
) -> Quote:
    """The fee of a stay some of which was spent in inner lots. Raises BadStay, NoPrice.

    Where inner time is ``subtracted``, the outer stay is shorter by it at its end: it begins when the car came in, and
    no drive through the outer lot pays a unit of its own.
    """
    _check(plan, entry, exit, within)
    taken_off = [one for one in within if plan.inner[one.lot].time == "subtracted"]
    spent = sum((one.end - one.start for one in taken_off), timedelta())
    outer = fee(plan, entry, exit - spent, stays=stays)
    zone = ZoneInfo(plan.timezone)
    lines = [*outer.lines, *(_not_counted(one, zone) for one in taken_off)]
    for one in within:
        inside = fee(plan.inner[one.lot].plan, one.start, one.end)
        lines += [msgspec.structs.replace(line, rule=f"{one.lot}: {line.rule}") for line in inside.lines]
    return Quote(sum(line.fen for line in lines), tuple(lines), plan.version)


def _not_counted(one: Within, zone: ZoneInfo) -> Line:
    seconds = int((one.end - one.start).total_seconds())
    return Line(one.start.astimezone(zone), one.end.astimezone(zone), f"in {one.lot}, not counted here", seconds, 0)


def _check(plan: Plan, entry: datetime, exit: datetime, within: Sequence[Within]) -> None:
    left = entry
    for one in within:
        if one.lot not in plan.inner:
            raise BadStay(f"the plan has no inner lot {one.lot!r}; there are {', '.join(plan.inner) or 'none'}")
        if one.start < left or one.end < one.start or one.end > exit:
            raise BadStay(f"from {one.start} to {one.end} in {one.lot}: not within the stay, or not in order")
        left = one.end
