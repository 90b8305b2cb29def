"""Stays of cars that have a pass: what of a stay it covers, places that several cars share, and what is left to pay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from domain.tariff.fee import Line, Quote

Interval = tuple[datetime, datetime]
Price = Callable[[datetime, datetime, Sequence[Interval]], Quote]  # of a stretch, after earlier ones of the stay
Beyond = Literal["stop", "keep"]
_DAY = timedelta(days=1)


class Right(NamedTuple):
    """From when to when a car has its pass, the end not included; ``nights``: only in these hours of each night."""

    begins: datetime | None
    ends: datetime
    nights: tuple[time, time] | None = None
    name: str = ""


class Visit(NamedTuple):
    """A stay of a car that shares a place: when it came in, when it left, and whose it is."""

    entered: datetime
    left: datetime | None
    plate: str


def without_place(places: int, beyond: Beyond, own: Visit, others: Iterable[Visit]) -> Interval | None:
    """When a car had none of the places it shares; None where it always had one.

    The first cars inside have the places, by when they came in. With ``stop`` one beyond them is billed until so many
    of those before it have left that one is free; with ``keep`` until it leaves itself.
    """
    until = own.left or datetime.max.replace(tzinfo=own.entered.tzinfo)
    key = (own.entered, own.plate)
    before = [one for one in others if (one.entered, one.plate) < key and (one.left is None or one.left > own.entered)]
    over = len(before) - places
    if over < 0:
        return None
    if beyond == "keep":
        return own.entered, until
    leaves = sorted(one.left or until for one in before)
    return own.entered, min(leaves[over], until)


def billed(stay: Interval, right: Right | None, unplaced: Interval | None, zone: ZoneInfo) -> list[Interval]:
    """The stretches of a stay that no pass covers."""
    if right is None or stay[1] < stay[0]:
        return [stay]
    begins = stay[0] if right.begins is None else right.begins
    covered = _within((begins, right.ends), stay)
    covered = [part for one in covered for part in _nights(one, right.nights, zone)]
    if unplaced is not None:
        covered = [part for one in covered for part in _without(one, unplaced)]
    return _complement(stay, covered)


def pass_quote(stay: Interval, to_pay: Sequence[Interval], name: str, price: Price) -> Quote:
    """What a stay costs of which a pass covers a part: each stretch is a visitor's, and all of them together never more
    than the stay without a pass. Raises BadStay, NoPrice."""
    if list(to_pay) == [stay]:
        return price(*stay, ())
    lines: list[Line] = []
    quotes = [price(*part, to_pay[:number]) for number, part in enumerate(to_pay)]
    shown = price(stay[0], stay[0], ())
    for start, end in _complement(stay, to_pay):
        lines.append(Line(start, end, f"pass {name}".strip(), 0, 0))
    lines += [line for quote in quotes for line in quote.lines]
    lines.sort(key=lambda line: line.start)
    total = sum(line.fen for line in lines)
    if quotes and (over := total - price(*stay, ()).fee_fen) > 0:
        lines.append(Line(stay[1], stay[1], "pass: no more than without it", 0, -over))
        total -= over
    return Quote(total, tuple(lines), shown.version)


def _within(one: Interval, other: Interval) -> list[Interval]:
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return [(start, end)] if start < end else []


def _without(one: Interval, hole: Interval) -> list[Interval]:
    parts = [(one[0], min(one[1], hole[0])), (max(one[0], hole[1]), one[1])]
    return [(start, end) for start, end in parts if start < end]


def _nights(one: Interval, nights: tuple[time, time] | None, zone: ZoneInfo) -> list[Interval]:
    if nights is None:
        return [one]
    day = one[0].astimezone(zone).date() - _DAY
    last, found = one[1].astimezone(zone).date(), list[Interval]()
    while day <= last:
        start = datetime.combine(day, nights[0], zone)
        end = datetime.combine(day if nights[0] < nights[1] else day + _DAY, nights[1], zone)
        found += _within((start, end), one)
        day += _DAY
    return found


def _complement(stay: Interval, covered: Sequence[Interval]) -> list[Interval]:
    """What of a stay is in none of the intervals, which are in order and do not overlap."""
    found, at = list[Interval](), stay[0]
    for start, end in covered:
        if start > at:
            found.append((at, start))
        at = max(at, end)
    return [*found, (at, stay[1])] if at < stay[1] else found
