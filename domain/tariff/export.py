"""Plans for programs of others: CDS policies and APDS rate tables. What they have no words for is listed as lost.

CDS: Curb Data Specification 1.0, objects Policy, Rule, Rate and Time Span
(github.com/openmobilityfoundation/curb-data-specification). APDS: Alliance for Parking Data Standards, ISO/TS 5206-1,
RateTable, RateLineCollection and RateLine, as DATEX II has them too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from domain.tariff.document import Tariff
from domain.tariff.flatten import Rate, flatten
from domain.tariff.plan import Band, Plan

To = Literal["cds", "apds"]
_WORKDAYS, _REST = ["mon", "tue", "wed", "thu", "fri"], ["sat", "sun"]
_DAYS = {"any": [*_WORKDAYS, *_REST], "workday": _WORKDAYS, "restday": _REST}
_CURRENCY = "CNY"


class Exported(NamedTuple):
    """A document, and what it does not say, each with the class it is of."""

    document: dict[str, Any]
    losses: list[str]


def export(tariff: Tariff, to: To) -> Exported:
    """All plans of a tariff."""
    return _WRITERS[to](tariff)


def _losses(tariff: Tariff) -> list[str]:
    found = [f"{name}: {loss}" for name, plan in tariff.plans.items() for loss in flatten(plan).losses]
    return [*found, *(f"{name}: exempt by its kind of plate" for name in tariff.exempt_classes)]


def _cds(tariff: Tariff) -> Exported:
    policies = [policy for name, plan in tariff.plans.items() for policy in _policies(name, plan)]
    more = [f"{name}: {what}" for name, plan in tariff.plans.items() for what in _cds_losses(plan)]
    document = {"version": "1.0.0", "currency": _CURRENCY, "data": {"policies": policies}}
    return Exported(document, [*_losses(tariff), *more])


def _cds_losses(plan: Plan) -> list[str]:
    """A CDS rate has no cap of any kind."""
    found = ["the cap of a stay"] if plan.stay_cap_fen is not None else []
    if plan.cycle_cap_fen is not None:
        found.append("the cap of a cycle")
    if any(rate.cap_fen is not None for rate in flatten(plan).rates):
        found.append("the cap of a charge or of a band")
    if plan.cycle is not None and plan.cycle.hours not in (None, 24):
        found.append(f"a cycle of {plan.cycle.hours:g} hours")
    return found


def _policies(name: str, plan: Plan) -> list[dict[str, Any]]:
    """A policy for each band; CDS gives times of day to policies, not to rates."""
    by_band: dict[Band | None, list[Rate]] = {}
    for rate in flatten(plan).rates:
        by_band.setdefault(rate.band, []).append(rate)
    everywhere = by_band.pop(None, [])
    if not by_band:
        return [_policy(name, 0, None, everywhere, plan)]
    return [
        _policy(name, number, band, [*everywhere, *rates], plan) for number, (band, rates) in enumerate(by_band.items())
    ]


def _policy(name: str, number: int, band: Band | None, rates: list[Rate], plan: Plan) -> dict[str, Any]:
    rule = {"activity": "parking", "user_classes": [name], "rate": [_cds_rate(rate, plan) for rate in rates]}
    spans = [] if band is None else [_time_span(band)]
    return {"curb_policy_id": f"{name}-{number}", "priority": number, "rules": [rule], "time_spans": spans}


def _time_span(band: Band) -> dict[str, Any]:
    return {"days_of_week": _DAYS[band.on], "time_of_day_start": band.start[:5], "time_of_day_end": band.end[:5]}


def _cds_rate(rate: Rate, plan: Plan) -> dict[str, Any]:
    is_by_day = plan.cycle is not None and plan.cycle.calendar_day
    said: dict[str, Any] = {"rate": rate.fen, "rate_unit": "minute", "start_duration": rate.start_min}
    said["rate_unit_period"] = "calendar" if is_by_day else "rolling"
    if rate.end_min is not None:
        said["end_duration"] = rate.end_min
    if rate.kind == "unit":
        said |= {"increment_duration": rate.unit_min, "increment_amount": rate.fen}
    return said


def _apds(tariff: Tariff) -> Exported:
    tables = [_rate_table(name, plan) for name, plan in tariff.plans.items()]
    return Exported({"rateTables": tables}, _losses(tariff))


def _rate_table(name: str, plan: Plan) -> dict[str, Any]:
    by_band: dict[Band | None, list[Rate]] = {}
    for rate in flatten(plan).rates:
        by_band.setdefault(rate.band, []).append(rate)
    groups = [_collection(number, band, rates, plan) for number, (band, rates) in enumerate(by_band.items())]
    return {
        "id": plan.version,
        "name": name,
        "currency": _CURRENCY,
        "rateLineCollections": groups,
    }


def _collection(number: int, band: Band | None, rates: list[Rate], plan: Plan) -> dict[str, Any]:
    said: dict[str, Any] = {"sequence": number, "relativeTimes": True}
    if band is not None:
        hours = {"startTimeOfPeriod": band.start[:5], "endTimeOfPeriod": band.end[:5]}
        said["validity"] = {**hours, "applicableDays": _DAYS[band.on]}
    if plan.cycle is not None:
        said["resetTime"] = "midnight" if plan.cycle.calendar_day else f"PT{plan.cycle.hours:g}H"
    cap = plan.cycle_cap_fen[0] if isinstance(plan.cycle_cap_fen, tuple) else plan.cycle_cap_fen
    if (most := plan.stay_cap_fen if cap is None else cap) is not None:
        said["maxValue"] = _yuan(most)
    return said | {"rateLines": [_rate_line(place, rate) for place, rate in enumerate(rates)]}


def _rate_line(place: int, rate: Rate) -> dict[str, Any]:
    kind = {"free": "flatRateTier", "flat": "flatRateTier" if rate.end_min else "flatRate", "unit": "incrementingRate"}
    said: dict[str, Any] = {"sequence": place, "rateLineType": kind[rate.kind], "value": _yuan(rate.fen)}
    said["durationStart"] = f"PT{rate.start_min}M"
    if rate.end_min is not None:
        said["durationEnd"] = f"PT{rate.end_min}M"
    if rate.kind == "unit":
        said["incrementPeriod"] = f"PT{rate.unit_min}M"
    if rate.cap_fen is not None:
        said["maxValue"] = _yuan(rate.cap_fen)
    return said


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


_WRITERS: Mapping[To, Callable[[Tariff], Exported]] = MappingProxyType({"cds": _cds, "apds": _apds})
