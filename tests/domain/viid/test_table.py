"""The table of docs/feeds/gat1400.md is what the profile does: a row a rule, its path, its fields, its pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.viid.envelopes import path
from domain.viid.profile import Rule
from tests.domain.viid.made import standard

PAGE = Path(__file__).parents[3] / "docs" / "feeds" / "gat1400.md"
RULES = standard().rules
# In the order of the page.
ROWS = ("vehicle", "seen_vehicle", "two_wheeler", "person", "passage", "face", "noticed", "status")
AS = {"seen_vehicle": "vehicle", "passage": "person"}  # "the same": as that row
EVERYWHERE = frozenset({"InfoKind", "DeviceID"})


def rows() -> list[list[str]]:
    """The cells of the table, but for its head and the row of what has no object."""
    text = PAGE.read_text().partition("## Event → object → fields")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]
    return [row for row in cells if not row[1].startswith("none")]


TABLE: dict[str, list[str]] = dict(zip(ROWS, rows(), strict=True))


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z0-9]+)`", cell))


def named(name: str) -> set[str]:
    """The fields that a row tells of."""
    cell = TABLE[name][2]
    other = words(TABLE[AS[name]][2]) if name in AS and "the same" in cell else set[str]()
    return words(cell) | other


def plain(rule: Rule) -> set[str]:
    """What it sends, but for the seven that say "unknown"."""
    return {
        one for one in {*rule.fields, *rule.constants} if not (one.startswith("Is") and rule.constants.get(one) == 2)
    }


def test_each_rule_has_its_row() -> None:
    assert sorted(ROWS) == sorted(RULES)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_where_and_what(name: str) -> None:
    rule, cells = RULES[name], TABLE[name]
    assert cells[1].startswith(rule.object)
    assert f"{rule.method} " * (rule.method != "POST") + (rule.path or path(rule.object)) in cells[1]
    assert plain(rule) <= named(name) | EVERYWHERE, "sent, and the page does not say so"
    told = {one for one in named(name) if one[0].isupper()}
    assert told <= plain(rule), "the page says so, and it is not sent"


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_which_pictures(name: str) -> None:
    cell = TABLE[name][3]
    said = dict(re.findall(r"(scene|plate|face) (\d\d)", cell))
    assert said == RULES[name].pictures


def test_faces_are_said_to_be_off() -> None:
    assert [name for name in ROWS if "**off**" in TABLE[name][0]] == [name for name in ROWS if not RULES[name].is_on]


def test_control_a_field_more_is_seen() -> None:
    rule = RULES["vehicle"]
    assert not plain(rule) | {"SafetyBelt"} <= named("vehicle")


def test_the_codes_of_the_profile_stand_on_the_page() -> None:
    text = PAGE.read_text()
    sorts = dict.fromkeys(str(rule.event_sort) for rule in RULES.values() if rule.event_sort)
    told = re.findall(r"[a-z] (\d+)[,.]", text.partition("`EventSort` vehicle")[2].partition("else 0")[0])
    assert set(sorts) - {"1"} <= set(told)
    for word, code in standard().codes["ColorType"].items():
        assert f"{word.removeprefix('yellow_')} {code}" in text
    for word, code in standard().codes["PlateClass"].items():
        assert f" {code}" in text, word
