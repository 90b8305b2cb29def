"""A complex's rules as a form: what it does not name stays, what cannot be read is named, days go there and back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.built_in import KNOWN, NEEDED
from domain.alerts.document import read_rules
from domain.tariff.calendar import DayKind
from server import rules_form
from server.rules_form import BadField

OWN: dict[str, Any] = {"id": "own", "severity": "low", "category": "security", "when": {"kind": "door"}}
kinds: st.SearchStrategy[DayKind] = st.sampled_from(["workday", "restday"])
calendars = st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(date.isoformat), kinds, max_size=60)


def changed(**said: str) -> Any:
    named = {name.replace("__", ":"): text for name, text in said.items()}
    base = read_rules({"schema": "alert-rules/1", "rules": [OWN]})
    found = rules_form.read(base, named.get)
    return {rule.id: rule for rule in found.rules}, found


@given(calendars)
def test_days_of_a_calendar_are_read_back_from_their_lines(calendar: dict[str, DayKind]) -> None:
    assert rules_form.read_days(rules_form.days_text(calendar)) == calendar


def test_a_form_that_names_nothing_changes_nothing() -> None:
    rules, found = changed()
    assert found == read_rules({"schema": "alert-rules/1", "rules": [OWN]})
    assert set(rules) == {*(rule.id for rule in KNOWN.rules), "own"}


def test_each_field_is_set() -> None:
    said = {"on__crowd": "0", "severity__door_held_open": "high", "hours__door_held_open": "22:00-05:00，12:00-13:00"}
    said |= {"days__door_held_open": "restday", "quiet__door_held_open": "1", "cooldown__door_held_open": "30"}
    said |= {"reach__door_held_open": "15", "looks__person_at_night": "3", "sure__person_at_night": ""}
    said |= {
        "confidence__person_at_night": "75",
        "on__own": "0",
        "calendar": "2026-10-01..2026-10-03 休\n2026-10-10 班",
    }
    rules, found = changed(**said)
    held, night = rules["door_held_open"], rules["person_at_night"]
    assert (held.severity, held.during.hours, held.during.days) == ("high", ("22:00-05:00", "12:00-13:00"), "restday")
    assert (held.during.quiet, held.cooldown_s, held.reach_s) == (True, 1_800, 900)
    assert (night.looks, night.sure_from, night.when[0].confidence) == (3, None, 0.75)
    assert {"crowd", "own"}.isdisjoint(rules)
    assert found.calendar["2026-10-03"] == "restday" and found.calendar["2026-10-10"] == "workday"


def test_a_rule_about_lives_is_not_to_be_changed_by_a_form() -> None:
    said = {f"{name}__{rule}": "0" for rule in NEEDED for name in ("on", "looks", "severity")}
    rules, _ = changed(**said)
    known = {rule.id: rule for rule in KNOWN.rules}
    assert all(rules[name] == known[name] for name in NEEDED)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hours__own", "8-18"),
        ("hours__own", "25:00-26:00"),
        ("hours__own", " ".join(["08:00-09:00"] * 65)),
        ("looks__own", "0"),
        ("looks__own", "9" * 400),
        ("looks__own", "٣"),
        ("cooldown__own", "241"),
        ("reach__own", "-1"),
        ("sure__own", "101"),
        ("severity__own", "worst"),
        ("days__own", "sunday"),
        ("quiet__own", "perhaps"),
        ("on__own", "yes\0"),
        ("calendar", "2026-02-30 休"),
        ("calendar", "2026-10-01"),
        ("calendar", "2026-10-07..2026-10-01 休"),
        ("calendar", "0001-01-01..9999-12-31 休"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, text: str) -> None:
    with pytest.raises(BadField) as found:
        changed(**{name: text})
    field, _, rule = name.partition("__")
    assert (found.value.name, found.value.rule) == (field, rule)
