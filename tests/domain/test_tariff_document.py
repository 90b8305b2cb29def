"""Tariff files: errors that name the wrong key, what YAML makes of unquoted words, and versions."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from domain.tariff import BadTariff, read_tariff

FREE = {"kind": "free"}
BAND = {"from": "07:00", "to": "19:00", "charge": FREE}


def bands(**changes: Any) -> dict[str, Any]:
    return {"charge": {"kind": "bands", "bands": [BAND, {**BAND, **changes}]}}


WRONG: list[tuple[Any, str]] = [
    (bands(**{"from": "7"}), r"plans\.small\.charge\.bands\[1\]\.from: "),
    (bands(to="24:30"), r"plans\.small\.charge\.bands\[1\]\.to: "),
    (bands(on="holiday"), r"plans\.small\.charge\.bands\[1\]\.on: .*holiday"),
    (bands(cap=5), r"plans\.small\.charge\.bands\[1\]\.cap: unknown"),
    (bands(charge={"kind": "unit", "unit_min": 0, "fen": 1}), r"plans\.small\.charge\.bands\[1\]\.charge\.unit_min: "),
    ({"charge": {"kind": "unit", "unit_min": 30, "fen": 2.5}}, r"plans\.small\.charge\.fen: "),
    ({"charge": {"kind": "unit", "unit_min": 30, "fen": -1}}, r"plans\.small\.charge\.fen: "),
    ({"charge": {"kind": "unit", "unit_min": 30, "fen": 1, "rounding": "up"}}, r"plans\.small\.charge\.rounding: .*up"),
    ({"charge": {"kind": "per_hour"}}, r"plans\.small\.charge\.kind: .*per_hour"),
    ({"charge": {"kind": "flat"}}, r"plans\.small\.charge\.fen: missing"),
    ({"charge": {"kind": "scaled", "percent": float("inf"), "of": FREE}}, r"plans\.small\.charge\.percent: .*finite"),
    ({"charge": {"kind": "tiers", "tiers": []}}, r"plans\.small\.charge\.tiers: "),
    (
        {"charge": {"kind": "tiers", "tiers": [{"charge": FREE}, {"charge": FREE}]}},
        r"plans\.small\.charge\.tiers: only",
    ),
    (
        {"charge": {"kind": "tiers", "tiers": [{"until_min": 60, "charge": FREE}, {"until_min": 60, "charge": FREE}]}},
        r"plans\.small\.charge\.tiers: `until_min` must rise",
    ),
    ({}, r"plans\.small\.charge: missing"),
    ({"charge": FREE, "stay_cap": 5}, r"plans\.small\.stay_cap: unknown"),
    ({"charge": FREE, "cycle_cap_fen": 5}, r"plans\.small\.cycle_cap_fen: needs a `cycle`"),
    ({"charge": FREE, "full_cycle_fen": 5}, r"plans\.small\.full_cycle_fen: needs a `cycle`"),
    ({"charge": FREE, "cycle": {}}, r"plans\.small\.cycle: needs either"),
    ({"charge": FREE, "cycle": {"hours": 24, "calendar_day": True}}, r"plans\.small\.cycle: needs either"),
    ({"charge": FREE, "cycle": {"hours": 0}}, r"plans\.small\.cycle\.hours: "),
    ({"charge": FREE, "window_cap": {"hours": 24}}, r"plans\.small\.window_cap\.fen: missing"),
    ({"charge": FREE, "free": {"minutes": 30, "mode": "given"}}, r"plans\.small\.free\.mode: .*given"),
    ({"charge": FREE, "free": {"minutes": 30, "limit": {"times": 0}}}, r"plans\.small\.free\.limit\.times: "),
    ({"charge": FREE, "calendar": {"2026-10-1": "restday"}}, r"plans\.small\.calendar: "),
    ({"charge": FREE, "calendar": {"2026-02-30": "restday"}}, r"plans\.small"),
    ({"charge": FREE, "calendar": {"2026-10-01": "holiday"}}, r"plans\.small\.calendar\[\.\.\.\]: .*holiday"),
    ({"charge": FREE, "timezone": "Asia/Beijing"}, r"plans\.small\.timezone: there is no 'Asia/Beijing'"),
    ("free", r"plans\.small: expected a mapping"),
]


@pytest.mark.parametrize(("plan", "message"), WRONG)
def test_an_error_names_the_wrong_key(plan: Any, message: str) -> None:
    with pytest.raises(BadTariff, match=f"^{message}"):
        read_tariff({"plans": {"small": plan}})


@pytest.mark.parametrize("document", [None, [], "plans", {}, {"plans": {}}, {"plans": [FREE]}])
def test_a_file_without_plans_is_refused(document: object) -> None:
    with pytest.raises(BadTariff, match="plans"):
        read_tariff(document)


def test_an_unknown_class_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadTariff, match=r"'bus'; there are small, emergency$"):
        read_tariff({"plans": {"small": {"charge": FREE}}, "exempt_classes": ["emergency"]}).plan("bus")


def test_an_exempt_class_is_free() -> None:
    tariff = read_tariff({"plans": {"small": {"charge": {"kind": "flat", "fen": 5}}}, "exempt_classes": ["emergency"]})
    assert tariff.plan("emergency").charge == read_tariff({"plans": {"a": {"charge": FREE}}}).plan("a").charge


UNQUOTED = """
plans:
  small:
    note: words for people are no part of the plan
    calendar: {2026-10-01: restday}
    charge:
      kind: bands
      bands:
      - {from: 07:00, to: 19:00, on: workday, charge: {kind: flat, fen: 100.0}}
      - {from: 19:00, to: 07:00, charge: {kind: free}}
"""
QUOTED = """
timezone: Asia/Shanghai
plans:
  small:
    charge:
      cap_fen: null
      bands:
      - {"on": workday, charge: {fen: 100, kind: flat}, to: "19:00", from: "07:00"}
      - {from: "19:00", to: "07:00", "on": any, charge: {kind: free}}
      kind: bands
    calendar: {"2026-10-01": restday}
"""


def test_one_version_for_every_spelling_of_a_plan() -> None:
    unquoted, quoted = (read_tariff(yaml.safe_load(text)).plan("small") for text in (UNQUOTED, QUOTED))
    assert unquoted == quoted
    assert unquoted.version == quoted.version
    assert len(quoted.version) == 64


@pytest.mark.parametrize(
    ("old", "new"), [("100", "101"), ("restday", "workday"), ("19:00", "19:30"), ("Shanghai", "Urumqi")]
)
def test_a_changed_plan_has_another_version(old: str, new: str) -> None:
    plan, changed = (read_tariff(yaml.safe_load(text)).plan("small") for text in (QUOTED, QUOTED.replace(old, new)))
    assert plan.version != changed.version


def test_a_calendar_of_the_file_holds_for_its_plans() -> None:
    shared = read_tariff({"calendar": {"2026-10-01": "restday"}, "plans": {"small": {"charge": FREE}}}).plan("small")
    assert shared.calendar == {"2026-10-01": "restday"}


def test_a_file_that_holds_itself_is_refused() -> None:
    with pytest.raises(BadTariff, match="nested too deep"):
        read_tariff(yaml.safe_load("plans: {small: {charge: &loop {kind: scaled, percent: 50, of: *loop}}}"))


def test_a_file_that_unfolds_without_end_is_refused() -> None:
    lines = ["a0: &a0 {kind: free}"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    text = "\n".join([*lines, "plans: {small: {charge: *a8}}"])
    with pytest.raises(BadTariff, match="nested too deep"):
        read_tariff(yaml.safe_load(text))
