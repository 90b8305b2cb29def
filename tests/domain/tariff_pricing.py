"""Short ways to write a plan and price a stay in a test."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.tariff import Plan, fee, fees, read_tariff

CHINA = ZoneInfo("Asia/Shanghai")
DAY = "2026-11-18 08:00"  # a Wednesday
HOURLY = {"kind": "unit", "unit_min": 60, "fen": 500}
UNITS = {"kind": "unit", "unit_min": 30, "fen": 100}
TIERS = [{"until_min": 60, "charge": {"kind": "flat", "fen": 300}}, {"charge": UNITS}]
DAY_BAND = {"from": "07:00", "to": "19:00", "charge": UNITS}
NIGHT_BAND = {"from": "19:00", "to": "07:00", "charge": {"kind": "flat", "fen": 250}}


def at(text: str, zone: ZoneInfo = CHINA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def plan(charge: Any = HOURLY, **around: Any) -> Plan:
    return read_tariff({"plans": {"small": {"charge": charge, **around}}}).plan("small")


def price(plan_: Plan, entry: str, exit_: str) -> int:
    return fee(plan_, at(entry), at(exit_)).fee_fen


def prices(plan_: Plan, *stays: tuple[str, str]) -> list[int]:
    return [quote.fee_fen for quote in fees(plan_, [(at(entry), at(exit_)) for entry, exit_ in stays])]
