"""What a stay in one lot costs: its dated tariffs, the class a car is in, and the same fee at the barrier and in the
book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal, get_args

import msgspec

from domain.plates import PlateClass, PlateColor, classify, colors_agree
from domain.tariff.discounts import Discount, discounted
from domain.tariff.document import MOST_VERSIONS, Dated, Tariff
from domain.tariff.fee import BadStay, Quote, fee
from domain.tariff.parts import Part, fee_of_parts
from domain.tariff.passes import pass_quote
from domain.tariff.plan import Plan

# Plans a tariff may have beside its default, by the colour of the plate they are for.
_CLASS_OF_COLOR: Mapping[PlateColor, str] = {"yellow": "large", "green": "nev", "yellow_green": "nev_large"}
# A shape by itself says so little that a plan or an exemption must not follow from it.
_BY_COLOR_ALONE = frozenset({"small", "large", "nev_small", "nev_large"})
_BY_SHAPE = frozenset(get_args(PlateClass)) - _BY_COLOR_ALONE
_LEAST_CONFIDENCE = 0.5
_LONGEST_STAY = timedelta(days=1_100)
_MOST_FEN = 2_000_000_000  # what the book of charges can hold
Interval = tuple[datetime, datetime]


class LotTariff(msgspec.Struct, frozen=True, dict=True):
    """A complex's tariff, and the class of cars that no other plan is for.

    ``since``: when it came into force, None for ever; ``later``: those that came into force after it, in order.
    ``change``: how a stay is billed that was going on when it came into force.
    """

    tariff: Tariff
    default: str
    since: datetime | None = None
    change: Literal["entry", "split"] = "entry"
    later: tuple[LotTariff, ...] = ()

    def at(self, moment: datetime) -> LotTariff | None:
        """The version in force at a moment; None where nothing is charged yet."""
        found = self
        for version in self.later:
            if version.since is not None and version.since <= moment:
                found = version
        return found if found.tariff.plans else None

    @property
    def versions(self) -> tuple[LotTariff, ...]:
        """Itself and those after it."""
        return (self, *self.later)

    @cached_property
    def longest_window(self) -> timedelta:
        """For how long after a stay the next of the same plate may still be in a window that goes back to it."""
        caps = (plan.window_cap for version in self.versions for plan in version.tariff.plans.values())
        spans = (timedelta(seconds=cap.length_s) for cap in caps if cap is not None and not cap.calendar_day)
        return max(spans, default=timedelta())

    @cached_property
    def _special(self) -> frozenset[str]:
        """The kinds of plates that have a plan of their own, or pay nothing."""
        return _BY_SHAPE & {*self.tariff.plans, *self.tariff.exempt_classes}

    def class_of(self, color: PlateColor, plate: str = "") -> str:
        """The class a plate's kind or colour puts a car in: a plan, or one of the exempt classes."""
        if plate and self._special and (kind := _kind_of(plate, color)) in self._special:
            return kind
        found = _CLASS_OF_COLOR.get(color, self.default)
        return found if found in self.tariff.plans else self.default

    def plan_of(self, color: PlateColor, plate: str = "") -> Plan:
        """The plan a car is billed by."""
        return self.tariff.plan(self.class_of(color, plate))

    def quote(
        self,
        color: PlateColor,
        entered_at: datetime,
        exited_at: datetime,
        earlier: Iterable[Interval] = (),
        plate: str = "",
    ) -> Quote:
        """The fee of one stay by the version in force at its entry, or by each in its own time where the newer one
        says ``split``. Raises BadStay, NoPrice: a person decides, nothing is guessed."""
        if exited_at - entered_at > _LONGEST_STAY:
            raise BadStay(f"longer than {_LONGEST_STAY.days} days: one of its times is wrong")
        version = self.at(entered_at)
        if version is None:
            raise BadStay(f"no tariff was in force at {entered_at:%Y-%m-%d %H:%M}")
        parts = self._parts(version, color, plate, (entered_at, exited_at))
        alone = len(parts) == 1
        quote = fee(parts[0].plan, entered_at, exited_at, stays=earlier) if alone else fee_of_parts(parts)
        if quote.fee_fen > _MOST_FEN:
            raise BadStay(f"{quote.fee_fen} fen: no stay costs so much; look at the tariff")
        return quote

    def quote_parts(
        self,
        color: PlateColor,
        plate: str,
        stay: Interval,
        earlier: Sequence[Interval],
        to_pay: Sequence[Interval],
        name: str,
        discounts: Sequence[Discount] = (),
    ) -> Quote:
        """The fee of a stay that a pass covers but for the stretches ``to_pay``, less its ``discounts``.

        Raises BadStay, NoPrice.
        """
        quote = self._covered(color, plate, stay, earlier, to_pay, name)
        if not discounts or not quote.fee_fen:
            return quote

        def until(entry: datetime, end: datetime) -> Quote:
            parts = [(start, min(stop, end)) for start, stop in to_pay if start < end]
            return self._covered(color, plate, (entry, end), earlier, parts, name)

        return discounted(quote, discounts, *stay, until)

    def _covered(
        self,
        color: PlateColor,
        plate: str,
        stay: Interval,
        earlier: Sequence[Interval],
        to_pay: Sequence[Interval],
        name: str,
    ) -> Quote:
        if list(to_pay) == [stay]:
            return self.quote(color, *stay, earlier, plate)
        version = self.at(stay[0])
        if version is None:
            raise BadStay(f"no tariff was in force at {stay[0]:%Y-%m-%d %H:%M}")
        alone = msgspec.structs.replace(version, later=())

        def price(start: datetime, end: datetime, before: Sequence[Interval]) -> Quote:
            return alone.quote(color, start, end, (*earlier, *before), plate)

        return pass_quote(stay, to_pay, name, price)

    def _parts(self, first: LotTariff, color: PlateColor, plate: str, stay: Interval) -> list[Part]:
        """The stay, cut where a version that splits came into force with another plan for this car."""
        start, end = stay
        parts = [Part(first.plan_of(color, plate), start, end)]
        for version in self.later:
            if version.change == "split" and version.since is not None and start < version.since < end:
                plan = version.plan_of(color, plate)
                if plan.version != parts[-1].plan.version:
                    parts[-1] = parts[-1]._replace(end=version.since)
                    parts.append(Part(plan, version.since, end))
        return parts


def lot_of(tariff: Tariff, usual: str) -> LotTariff:
    """A tariff's document ready to be asked. ``usual``: the class of cars where the document does not say."""
    if not tariff.versions:
        return LotTariff(tariff, _default(tariff, usual))
    made = [LotTariff(one.tariff, _default(one.tariff, usual), one.since, one.change) for one in tariff.versions]
    first = made.pop(0) if made[0].since is None else LotTariff(Tariff(plans={}), usual)
    return msgspec.structs.replace(first, later=tuple(made))


def tariff_of(lot: LotTariff, now: datetime) -> Tariff:
    """The document that says the same: what is in force now stands on top, for programs that read no dates."""
    named = [msgspec.structs.replace(one.tariff, default=one.default) for one in lot.versions]
    dated = [
        Dated(since=one.since, change=one.change, tariff=tariff)
        for one, tariff in zip(lot.versions, named, strict=True)
        if tariff.plans
    ]
    current = lot.at(now)
    top = msgspec.structs.replace(current.tariff, default=current.default) if current else dated[0].tariff
    return msgspec.structs.replace(top, versions=tuple(dated[-MOST_VERSIONS:]))


def _default(tariff: Tariff, usual: str) -> str:
    wanted = tariff.default or usual
    return wanted if wanted in tariff.plans else next(iter(tariff.plans))


def _kind_of(plate: str, color: PlateColor) -> str:
    """What the grammar says of a plate: police, embassy, trailer …; "" where it is not sure."""
    found = classify(plate, color)
    if found is None or found.confidence < _LEAST_CONFIDENCE:
        return ""
    # A plate of another colour only looks like one.
    return found.plate_class if any(colors_agree(color, one) for one in found.colors) else ""
