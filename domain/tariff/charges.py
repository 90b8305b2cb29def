"""What a charge asks for one uncut piece of time, item by item. All times are local seconds since 1970-01-01."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from domain.tariff.bands import band_at, band_end
from domain.tariff.calendar import Calendar
from domain.tariff.plan import Bands, Charge, Flat, Free, Linear, Scaled, Tail, Tiers, Unit

Amount = int | Fraction  # fen; a fraction only below linear and scaled, rounded once at the end of the fee

_MINUTE_S, _HOUR_S = 60, 3_600


class NoPrice(Exception):
    """The plan does not say what a stay costs; the message says where it stops and what to add."""


class Item(NamedTuple):
    """An exact line of a fee. ``units`` counts units, flat prices, or the seconds of a price by the second."""

    start: int
    end: int
    rule: str
    units: int
    amount: Amount


def price(charge: Charge, start: int, end: int, calendar: Calendar) -> list[Item]:
    """The items of a charge for a piece, its own cap included. Raises NoPrice past the last tier."""
    items = _items(charge, start, end, calendar)
    return items if charge.cap_fen is None else _capped(items, charge.cap_fen, start, end)


def exact(number: int | float) -> Fraction:
    """A number as it was written: 33.3 is 333/10."""
    return Fraction(str(number))


def _items(charge: Charge, start: int, end: int, calendar: Calendar) -> list[Item]:
    match charge:
        case Unit():
            units = _units(charge, end - start)
            return [Item(start, end, f"{charge.unit_min} min at {charge.fen} fen", units, units * charge.fen)]
        case Flat():
            return [Item(start, end, f"flat {charge.fen} fen", 1, charge.fen)]
        case Free():
            return [Item(start, end, "free", 0, 0)]
        case Tiers():
            return _tier_items(charge, start, end, calendar)
        case Bands():
            return _band_items(charge, start, end, calendar)
        case Linear():
            amount = exact(charge.fen_per_hour) * (end - start) / _HOUR_S
            return [Item(start, end, f"{charge.fen_per_hour} fen an hour by the second", end - start, amount)]
        case Scaled():
            return _scaled_items(charge, start, end, calendar)


def _units(charge: Unit, duration_s: int) -> int:
    whole, rest_s = divmod(duration_s, charge.unit_min * _MINUTE_S)
    match charge.rounding:
        case "ceil":
            return whole + (rest_s > 0)
        case "floor":
            return whole
        case Tail(tail_min=tail_min):
            return whole + (rest_s > tail_min * _MINUTE_S)


def _tier_items(charge: Tiers, start: int, end: int, calendar: Calendar) -> list[Item]:
    items: list[Item] = []
    begun = start
    for tier in charge.tiers:
        until = end if tier.until_min is None else min(end, start + tier.until_min * _MINUTE_S)
        if charge.mode == "slices":
            items += price(tier.charge, begun, until, calendar)
        elif until == end:
            items = price(tier.charge, start, end, calendar)
        if until == end:
            return items
        begun = until
    raise NoPrice(
        f"a piece of {(end - start) / _MINUTE_S:g} min runs past the last tier, which ends at "
        f"{charge.tiers[-1].until_min} min: leave `until_min` out of the last tier, or give the plan a shorter cycle"
    )


def _band_items(charge: Bands, start: int, end: int, calendar: Calendar) -> list[Item]:
    items: list[Item] = []
    while start < end:
        band = band_at(charge, start, calendar)
        until = band_end(charge, band, start, end, calendar)
        if band is None:
            items.append(Item(start, until, "outside the bands", 0, 0))
        else:
            until = min(end, _unit_end(band.charge, start, until)) if charge.edge == "finish_unit" else until
            piece = price(band.charge, start, until, calendar)
            items += piece if band.cap_fen is None else _capped(piece, band.cap_fen, start, until)
        start = until
    return items


def _unit_end(charge: Charge, start: int, at: int) -> int:
    """When the unit running at ``at`` is finished, for a piece from ``start``; ``at`` for charges without units."""
    match charge:
        case Unit():
            unit_s = charge.unit_min * _MINUTE_S
            return at + (start - at) % unit_s
        case Scaled():
            return _unit_end(charge.of, start, at)
        case Tiers(mode="slices"):
            return _unit_end_in_tiers(charge, start, at)
        case _:
            return at


def _unit_end_in_tiers(charge: Tiers, start: int, at: int) -> int:
    begun = start
    for tier in charge.tiers:
        if tier.until_min is None:
            return _unit_end(tier.charge, begun, at)
        until = start + tier.until_min * _MINUTE_S
        if at <= until:
            return min(until, _unit_end(tier.charge, begun, at))
        begun = until
    return at


def _scaled_items(charge: Scaled, start: int, end: int, calendar: Calendar) -> list[Item]:
    items = price(charge.of, start, end, calendar)
    change = _total(items) * (exact(charge.percent) - 100) / 100
    return items if change == 0 else [*items, Item(start, end, f"scaled to {charge.percent} %", 0, _plain(change))]


def _capped(items: list[Item], cap_fen: int, start: int, end: int) -> list[Item]:
    over = _total(items) - cap_fen
    return items if over <= 0 else [*items, Item(start, end, f"cap {cap_fen} fen", 0, -over)]


def _total(items: list[Item]) -> Amount:
    return sum(item.amount for item in items)


def _plain(amount: Fraction) -> Amount:
    return amount.numerator if amount.denominator == 1 else amount
