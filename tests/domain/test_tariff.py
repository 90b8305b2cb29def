"""Tariffs: every case of the collected ones, the explanation, and what a stay must be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from domain.tariff import BadStay, NoPrice, fee, fees, read_tariff
from tests.domain.tariff_pricing import DAY, DAY_BAND, NIGHT_BAND, TIERS, UNITS, at, plan, price, prices

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tariffs"


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
