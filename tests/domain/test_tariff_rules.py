"""Each primitive of a tariff plan by hand: rounding, tiers, bands, free time, cycles, windows, caps."""

from __future__ import annotations

from typing import Any

import pytest

from domain.tariff import Plan
from tests.domain.tariff_pricing import DAY, DAY_BAND, HOURLY, NIGHT_BAND, TIERS, UNITS, plan, price, prices

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


def test_leaving_as_a_window_ends_opens_no_other() -> None:
    capped = plan({"kind": "flat", "fen": 1000}, window_cap={"hours": 24, "fen": 1500})
    stays = [
        (DAY, "2026-11-19 08:00"),
        ("2026-11-19 12:00", "2026-11-19 13:00"),
        ("2026-11-20 09:00", "2026-11-20 10:00"),
    ]
    assert prices(capped, *stays) == [1000, 1000, 500]


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


HOURS_THEN_HOURS = {"kind": "tiers", "tiers": [{"until_min": 60, "charge": HOURLY}, {"charge": {**HOURLY, "fen": 300}}]}
SHORT_THEN_UNITS = {"kind": "tiers", "tiers": [{"until_min": 45, "charge": HOURLY}, {"charge": UNITS}]}


@pytest.mark.parametrize(
    ("charge", "entry", "cut_fen", "finished_fen"),
    [
        (HOURLY, "18:45", 500 + 250, 500),  # the unit lasts to 19:45, past the exit
        (HOURLY, "18:15", 500 + 250, 500 + 250),  # to 19:15
        (HOURLY, "18:00", 500 + 250, 500 + 250),  # to the edge itself
        ({"kind": "scaled", "percent": 200, "of": HOURLY}, "18:45", 1000 + 250, 1000),
        (HOURS_THEN_HOURS, "17:45", 500 + 300 + 250, 500 + 300),
        (SHORT_THEN_UNITS, "18:30", 500 + 250, 500 + 250),  # no unit outlasts its tier: to 19:15
        (SHORT_THEN_UNITS, "18:50", 500 + 250, 500),
    ],
)
def test_a_unit_begun_before_an_edge_is_cut_or_finished(
    charge: Any, entry: str, cut_fen: int, finished_fen: int
) -> None:
    bands = [{**DAY_BAND, "charge": charge}, NIGHT_BAND]
    for edge, fen in (("cut", cut_fen), ("finish_unit", finished_fen)):
        switching = plan({"kind": "bands", "bands": bands, "edge": edge})
        assert price(switching, f"2026-11-18 {entry}", "2026-11-18 19:30") == fen
