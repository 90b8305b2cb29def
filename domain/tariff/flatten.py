"""A plan as a flat list of rates by time of day and duration, as standards of others have it, and what is lost."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, NamedTuple

from domain.tariff.charges import exact
from domain.tariff.plan import Band, Bands, Charge, Flat, Free, Linear, Plan, Scaled, Tail, Tiers, Unit

Kind = Literal["free", "flat", "unit"]
_HOUR_MIN = 60


class Rate(NamedTuple):
    """What a stretch of a stay costs: from so many minutes of it on to so many, in hours of a band or in all."""

    kind: Kind
    fen: int
    unit_min: int
    start_min: int
    end_min: int | None
    band: Band | None
    cap_fen: int | None


class Flattened(NamedTuple):
    """The rates, and in words what they do not say."""

    rates: list[Rate]
    losses: list[str]


def flatten(plan: Plan) -> Flattened:
    """Everything that a list of rates can say of a plan."""
    walker = _Walker()
    rates = list(walker.rates(plan.charge, _Where()))
    if plan.free is not None:
        begin = Rate("free", 0, 0, 0, plan.free.minutes, None, None)
        rates = [begin, *rates]
    walker.losses += _around(plan)
    return Flattened(rates, list(dict.fromkeys(walker.losses)))


class _Where(NamedTuple):
    start_min: int = 0
    end_min: int | None = None
    band: Band | None = None
    times: Fraction = Fraction(1)
    cap_fen: int | None = None


class _Walker:
    """Goes through a charge and notes what it has to leave out."""

    def __init__(self) -> None:
        self.losses: list[str] = []

    def rates(self, charge: Charge, where: _Where) -> Iterator[Rate]:
        if charge.cap_fen is not None:
            where = where._replace(cap_fen=charge.cap_fen)
        match charge:
            case Free():
                yield self._rate("free", 0, 0, where)
            case Flat():
                yield self._rate("flat", charge.fen, 0, where)
            case Unit():
                yield self._unit(charge, where)
            case Linear():
                self.losses.append("a price by the second is given by the minute, rounded to whole fen")
                yield self._rate("unit", round(exact(charge.fen_per_hour) / _HOUR_MIN), 1, where)
            case Scaled():
                yield from self.rates(charge.of, where._replace(times=where.times * exact(charge.percent) / 100))
            case Tiers():
                yield from self._tiers(charge, where)
            case Bands():
                yield from self._bands(charge, where)

    def _rate(self, kind: Kind, fen: int, unit_min: int, where: _Where) -> Rate:
        scaled = where.times * fen
        if scaled.denominator != 1:
            self.losses.append(f"{scaled} fen is rounded to whole fen")
        whole = int(scaled + Fraction(1, 2))
        return Rate(kind, whole, unit_min, where.start_min, where.end_min, where.band, where.cap_fen)

    def _unit(self, charge: Unit, where: _Where) -> Rate:
        match charge.rounding:
            case "ceil":
                pass
            case "floor":
                self.losses.append("a part of a unit is not charged: written as if it counted whole")
            case Tail(tail_min=tail_min):
                self.losses.append(f"a remainder up to {tail_min} min is dropped: written as if it counted whole")
        return self._rate("unit", charge.fen, charge.unit_min, where)

    def _tiers(self, charge: Tiers, where: _Where) -> Iterator[Rate]:
        if charge.mode == "select":
            self.losses.append("a table of which one step is charged is written as flat steps by duration")
        begun = where.start_min
        for tier in charge.tiers:
            until = None if tier.until_min is None else where.start_min + tier.until_min
            yield from self.rates(tier.charge, where._replace(start_min=begun, end_min=until or where.end_min))
            begun = until or begun

    def _bands(self, charge: Bands, where: _Where) -> Iterator[Rate]:
        if where.band is not None:
            self.losses.append("bands within bands: only the inner hours are given")
        if charge.edge == "finish_unit":
            self.losses.append("a unit begun before a band's edge is finished: written as if cut there")
        for band in charge.bands:
            cap = where.cap_fen if band.cap_fen is None else band.cap_fen
            yield from self.rates(band.charge, where._replace(band=band, cap_fen=cap))


def _around(plan: Plan) -> Iterator[str]:
    """What stands around the charge and has no place in a list of rates."""
    if plan.free is not None:
        if plan.free.mode == "from_start":
            yield "free time that is lost once it is exceeded: written as free minutes at the beginning"
        if plan.free.repeat == "every_cycle":
            yield "free time that comes again in every cycle: written once"
        if plan.free.limit is not None:
            yield "free time only for the first stays of a day: written for every stay"
    if isinstance(plan.cycle_cap_fen, tuple) and len(set(plan.cycle_cap_fen)) > 1:
        yield "caps that differ from cycle to cycle: only the first is given"
    if plan.full_cycle_fen is not None:
        yield "the price of a complete cycle"
    if plan.window_cap is not None:
        yield "a cap over several stays of one car"
    if plan.inner:
        yield f"lots within the lot: {', '.join(plan.inner)}"
    if plan.calendar:
        yield "public holidays and make-up workdays by date: only the days of the week are given"
    if plan.seconds != "exact":
        yield "how seconds are rounded to minutes"
