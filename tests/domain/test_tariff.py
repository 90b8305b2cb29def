"""Tariffs: every case of the collected tariffs, then each primitive by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from domain.tariff import BadStay, NoPrice, Plan, fee, fees, read_tariff

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tariffs"
CHINA = ZoneInfo("Asia/Shanghai")
HOURLY = {"kind": "unit", "unit_min": 60, "fen": 500}


def at(text: str, zone: ZoneInfo = CHINA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def collected() -> list[Any]:
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FIXTURES.glob("*.yaml"))]
    return [pytest.param(each, case, id=f"{each['id']}-{case['id']}") for each in documents for case in each["cases"]]


@pytest.mark.parametrize(("document", "case"), collected())
def test_collected_tariffs(document: dict[str, Any], case: dict[str, Any]) -> None:
    plan = read_tariff(document).plan(case["class"])
    zone = ZoneInfo(document["timezone"])
    stays = case.get("stays") or [case]
    times = [(at(stay["entry"], zone), at(stay["exit"], zone)) for stay in stays]
    quotes = fees(plan, times)
    assert [quote.fee_fen for quote in quotes] == [stay["expect_fen"] for stay in stays]
    assert [sum(line.fen for line in quote.lines) for quote in quotes] == [quote.fee_fen for quote in quotes]
    assert fee(plan, *times[-1], stays=times[:-1]) == quotes[-1]


def plan(charge: Any = HOURLY, **around: Any) -> Plan:
    return read_tariff({"plans": {"small": {"charge": charge, **around}}}).plan("small")


def price(plan_: Plan, entry: str, exit_: str) -> int:
    return fee(plan_, at(entry), at(exit_)).fee_fen


def prices(plan_: Plan, *stays: tuple[str, str]) -> list[int]:
    return [quote.fee_fen for quote in fees(plan_, [(at(entry), at(exit_)) for entry, exit_ in stays])]


DAY = "2026-11-18 08:00"  # a Wednesday
UNITS = {"kind": "unit", "unit_min": 30, "fen": 100}
TIERS = [{"until_min": 60, "charge": {"kind": "flat", "fen": 300}}, {"charge": UNITS}]
DAY_BAND = {"from": "07:00", "to": "19:00", "charge": UNITS}
NIGHT_BAND = {"from": "19:00", "to": "07:00", "charge": {"kind": "flat", "fen": 250}}

SINGLE = [
    # rounding, to the second
    (plan(UNITS), "08:30:00", 100),
    (plan(UNITS), "08:30:01", 200),
    (plan({**UNITS, "rounding": "floor"}), "08:59:59", 100),
    (plan({**UNITS, "rounding": {"tail_min": 10}}), "08:40:00", 100),
    (plan({**UNITS, "rounding": {"tail_min": 10}}), "08:40:01", 200),
    (plan({**UNITS, "rounding": {"tail_min": 10}}), "08:10:00", 0),
    (plan(UNITS, seconds="truncate"), "08:30:59", 100),
    (plan(UNITS, seconds="ceil"), "08:59:01", 200),
    (plan({"kind": "linear", "fen_per_hour": 500}), "08:01:00", 8),  # 8.33
    (plan({"kind": "linear", "fen_per_hour": 30}), "08:01:00", 1),  # 0.5, up
    (plan({"kind": "linear", "fen_per_hour": 0.1}), "18:00:00", 1),  # ten tenths, exactly
    # scaled and caps
    (plan({"kind": "scaled", "percent": 50, "of": {"kind": "flat", "fen": 75}}), "08:01:00", 38),  # 37.5, up
    (plan({"kind": "scaled", "percent": 200, "of": UNITS}), "09:00:00", 400),
    (plan({"kind": "scaled", "percent": 33.3, "of": {"kind": "flat", "fen": 1000}}), "09:00:00", 333),
    (plan({"kind": "scaled", "percent": 50, "of": {**UNITS, "cap_fen": 300}}), "18:00:00", 150),
    (plan({"kind": "scaled", "percent": 50, "cap_fen": 300, "of": UNITS}), "18:00:00", 300),
    (plan(UNITS, stay_cap_fen=450), "18:00:00", 450),
    # tiers
    (plan({"kind": "tiers", "tiers": TIERS}), "09:00:00", 300),
    (plan({"kind": "tiers", "tiers": TIERS}), "09:00:01", 400),
    (plan({"kind": "tiers", "tiers": TIERS, "mode": "select"}), "09:00:00", 300),
    (plan({"kind": "tiers", "tiers": TIERS, "mode": "select"}), "10:00:00", 400),  # its units count from the entry
    # free time
    (plan(free={"minutes": 30}), "08:30:00", 0),
    (plan(free={"minutes": 30, "inclusive": False}), "08:30:00", 500),
    (plan(free={"minutes": 30, "inclusive": False}), "08:29:59", 0),
    (plan(free={"minutes": 30}), "09:00:01", 1000),  # exceeded: counted from the start
    (plan(free={"minutes": 30, "mode": "deduct"}), "09:30:00", 500),
    (plan(free={"minutes": 30, "mode": "deduct"}), "09:30:01", 1000),
    # bands: the edge cuts and units restart
    (plan({"kind": "bands", "bands": [DAY_BAND, NIGHT_BAND]}), "19:15:00", 2200 + 250),
    (plan({"kind": "bands", "bands": [DAY_BAND]}), "23:00:00", 2200),  # outside all bands: nothing
    (plan({"kind": "bands", "bands": [{**DAY_BAND, "cap_fen": 900}, NIGHT_BAND]}), "19:15:00", 900 + 250),
    (plan({"kind": "bands", "bands": [DAY_BAND, NIGHT_BAND], "cap_fen": 1000}), "19:15:00", 1000),
    (
        plan({"kind": "bands", "bands": [{"from": "12:00", "to": "13:00", "charge": {"kind": "free"}}, DAY_BAND]}),
        "14:00",
        1000,
    ),
]


@pytest.mark.parametrize(("plan_", "exit_", "fen"), SINGLE)
def test_one_stay_from_eight(plan_: Plan, exit_: str, fen: int) -> None:
    assert price(plan_, DAY, f"2026-11-18 {exit_}") == fen


CYCLES = [
    (plan(cycle={"hours": 24}, cycle_cap_fen=2000), "2026-11-19 09:00", 2500),
    (plan(cycle={"calendar_day": True}, cycle_cap_fen=2000), "2026-11-19 09:00", 4000),  # the same stay, by the day
    (plan(cycle={"hours": 24}, cycle_cap_fen=[2000, 3000]), "2026-11-21 08:00", 2000 + 3000 + 3000),
    (plan(cycle={"hours": 24}, full_cycle_fen=3300), "2026-11-19 08:00", 3300),
    (plan(cycle={"hours": 24}, full_cycle_fen=3300), "2026-11-19 07:00", 23 * 500),
    (plan(cycle={"hours": 24}, full_cycle_fen=3300), "2026-11-20 09:00", 3300 + 3300 + 500),
    (plan(cycle={"calendar_day": True}, full_cycle_fen=3300), "2026-11-20 01:00", 16 * 500 + 3300 + 500),
    (plan(cycle={"hours": 24}, cycle_cap_fen=2000, stay_cap_fen=3000), "2026-11-21 08:00", 3000),
    (plan(cycle={"hours": 24}, free={"minutes": 30}), "2026-11-19 08:20", 24 * 500 + 500),
    (plan(cycle={"hours": 24}, free={"minutes": 30, "repeat": "every_cycle"}), "2026-11-19 08:20", 24 * 500),
    (plan(cycle={"hours": 24}, free={"minutes": 60, "mode": "deduct"}), "2026-11-19 09:00", 23 * 500 + 500),
    (
        plan(cycle={"hours": 24}, free={"minutes": 60, "mode": "deduct", "repeat": "every_cycle"}),
        "2026-11-19 09:00",
        23 * 500,
    ),
    (plan({"kind": "tiers", "tiers": TIERS}, cycle={"hours": 12}), "2026-11-18 20:30", 300 + 22 * 100 + 300),
]


@pytest.mark.parametrize(("plan_", "exit_", "fen"), CYCLES)
def test_cycles(plan_: Plan, exit_: str, fen: int) -> None:
    assert price(plan_, DAY, exit_) == fen


@pytest.mark.parametrize(
    ("cap", "fees_fen"),
    [({"hours": 24, "fen": 800}, [500, 300, 0 + 500]), ({"calendar_day": True, "fen": 800}, [500, 300 + 500, 300])],
)
def test_a_window_cap_counts_over_stays(cap: dict[str, Any], fees_fen: list[int]) -> None:
    stays = [
        ("2026-11-18 20:00", "2026-11-18 21:00"),
        ("2026-11-18 22:00", "2026-11-19 01:00"),
        ("2026-11-19 18:00", "2026-11-19 20:30"),
    ]
    assert prices(plan(window_cap=cap), *stays) == fees_fen


def test_a_later_entry_opens_a_new_window() -> None:
    capped = plan({"kind": "flat", "fen": 1000}, window_cap={"hours": 24, "fen": 1500})
    stays = [("2026-11-18 08:00", "2026-11-18 09:00"), ("2026-11-19 12:00", "2026-11-19 13:00")]
    assert prices(capped, *stays, ("2026-11-20 11:00", "2026-11-20 11:30")) == [1000, 1000, 500]


def test_a_full_cycle_is_paid_once_where_a_window_ends_inside() -> None:
    both = plan(cycle={"hours": 24}, full_cycle_fen=3000, window_cap={"calendar_day": True, "fen": 10_000})
    assert price(both, DAY, "2026-11-19 08:00") == 3000


def test_free_time_limited_to_the_first_stay_of_a_day() -> None:
    limited = plan(free={"minutes": 30, "limit": {"times": 1, "per": "calendar_day"}})
    stays = [("2026-11-18 08:00", "2026-11-18 08:10"), ("2026-11-18 09:00", "2026-11-18 09:10")]
    assert prices(limited, *stays, ("2026-11-19 00:00", "2026-11-19 00:10")) == [0, 500, 0]


def test_workdays_and_restdays() -> None:
    work, rest = {"kind": "flat", "fen": 7}, {"kind": "flat", "fen": 3}
    bands = [
        {"from": "19:00", "to": "07:00", "on": "workday", "charge": work},
        {"from": "00:00", "to": "24:00", "on": "restday", "charge": rest},
    ]
    nights = plan({"kind": "bands", "bands": bands}, calendar={"2026-11-19": "restday", "2026-11-21": "workday"})
    assert price(nights, "2026-11-17 20:00", "2026-11-18 06:00") == 7  # Tuesday to Wednesday: one night
    assert price(nights, "2026-11-18 20:00", "2026-11-19 06:00") == 7 + 3  # into a holiday
    assert price(nights, "2026-11-20 20:00", "2026-11-21 06:00") == 7  # into a Saturday that is worked
    assert price(nights, "2026-11-22 20:00", "2026-11-23 06:00") == 3 + 7  # Sunday to Monday


@pytest.mark.parametrize(("edge", "fen"), [("cut", 500 + 250), ("finish_unit", 500)])
def test_a_unit_begun_before_an_edge_is_cut_or_finished(edge: str, fen: int) -> None:
    day = {**DAY_BAND, "charge": HOURLY}
    switching = plan({"kind": "bands", "bands": [day, NIGHT_BAND], "edge": edge})
    assert price(switching, "2026-11-18 18:30", "2026-11-18 19:30") == fen


def test_lines_say_what_was_done() -> None:
    capped = plan({"kind": "tiers", "tiers": TIERS}, free={"minutes": 10, "mode": "deduct"}, stay_cap_fen=350)
    lines = fee(capped, at(DAY), at("2026-11-18 09:30")).lines
    assert [(f"{line.start:%H:%M}-{line.end:%H:%M}", line.rule, line.units, line.fen) for line in lines] == [
        ("08:00-08:10", "free time", 0, 0),
        ("08:10-09:10", "flat 300 fen", 1, 300),
        ("09:10-09:30", "30 min at 100 fen", 1, 100),
        ("08:10-09:30", "cap of the stay: 350 fen", 0, -50),
    ]


def test_thirds_of_a_fen_are_rounded_once() -> None:
    third = {"kind": "linear", "fen_per_hour": 20}  # a third of a fen a minute
    split = [{"until_min": 1, "charge": third}, {"until_min": 2, "charge": third}, {"charge": third}]
    quote = fee(plan({"kind": "tiers", "tiers": split}), at(DAY), at("2026-11-18 08:03"))
    assert (quote.fee_fen, [line.fen for line in quote.lines]) == (1, [0, 1, 0])


def test_times_are_instants_and_bands_are_local() -> None:
    bands = plan({"kind": "bands", "bands": [DAY_BAND, NIGHT_BAND]})
    local = fee(bands, at("2026-11-18 18:30"), at("2026-11-18 19:30"))
    assert local == fee(bands, at("2026-11-18 18:30").astimezone(UTC), at("2026-11-18 19:30").astimezone(UTC))
    assert local.fee_fen == 100 + 250
    assert local.lines[0].start.utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize(
    ("entry", "exit_"), [("2026-10-24T22:30", "2026-10-25T06:00"), ("2026-03-28T22:00", "2026-03-29T06:00")]
)
def test_a_night_on_which_clocks_change_is_billed_by_elapsed_time(entry: str, exit_: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    elapsed = at(exit_, zone).astimezone(UTC) - at(entry, zone).astimezone(UTC)
    quote = fee(
        plan({"kind": "linear", "fen_per_hour": 100}, timezone="Europe/Berlin"), at(entry, zone), at(exit_, zone)
    )
    assert quote.fee_fen == elapsed / timedelta(hours=1) * 100


def test_parts_of_a_second_do_not_count() -> None:
    entry = at(DAY) + timedelta(milliseconds=100)
    assert fee(plan(UNITS), entry, entry + timedelta(minutes=30, milliseconds=800)).fee_fen == 100


def test_no_time_costs_nothing() -> None:
    assert fee(plan({"kind": "flat", "fen": 500}), at(DAY), at(DAY)).fee_fen == 0


def test_a_stay_past_the_last_tier_has_no_price() -> None:
    closed = plan({"kind": "tiers", "tiers": TIERS[:1]})
    assert price(closed, DAY, "2026-11-18 09:00") == 300
    with pytest.raises(NoPrice, match="60 min"):
        price(closed, DAY, "2026-11-18 09:01")


def test_impossible_stays_are_refused() -> None:
    with pytest.raises(BadStay, match="before the entry"):
        price(plan(), DAY, "2026-11-18 07:59")
    with pytest.raises(BadStay, match="zone"):
        fee(plan(), datetime(2026, 11, 18, 8), datetime(2026, 11, 18, 9))
    with pytest.raises(BadStay, match="in order"):
        prices(plan(), (DAY, "2026-11-18 09:00"), ("2026-11-18 08:30", "2026-11-18 10:00"))
