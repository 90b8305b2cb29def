"""A complex's own rules: what differs from the built-in ones, when they count, and what they would have fired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.alerts.built_in import BUILT_IN, KNOWN
from domain.alerts.conditions import During
from domain.alerts.document import BadRules, document_of, read_rules
from domain.alerts.rehearsal import would_have_fired
from domain.alerts.rules import Dated, Fact, Rules, Versions
from domain.alerts.words import Fired
from domain.events import Event, Subject
from domain.places import Place, hours
from domain.tariff.calendar import Calendar

NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)  # a Monday
PLACE = Place(quiet=(hours("23:00", "05:00"),), calendar=Calendar({"2026-06-15": "restday"}))
SHED: dict[str, Any] = {
    "id": "shed_by_day",
    "severity": "high",
    "category": "security",
    "when": {"kind": "door", "state": "open", "device": "z2m:shed*"},
    "during": {"hours": ["08:00-18:00"], "days": "workday"},
    "note": "words for people are no part of it",
}


def document(**changes: Any) -> dict[str, Any]:
    return {"schema": "alert-rules/1", **changes}


def opened(at: datetime, device: str = "z2m:shed-2") -> Event:
    return Event(kind="door", device=device, state="open", time=at)


def test_a_document_says_what_differs_and_is_read_back_as_it_was() -> None:
    known = read_rules(document(without="vehicle_tailgating", rules=[SHED]))
    assert len(known.rules) == len(KNOWN.rules)
    assert read_rules(document_of(known)) == known
    assert document_of(KNOWN) == {"schema": "alert-rules/1"}
    rules = Rules(known)
    workday = opened(NOON + timedelta(days=1))
    assert rules.fired(workday, PLACE) == Fired("shed_by_day", "high", "security")
    assert rules.fired(opened(NOON), PLACE) is None  # a holiday by the calendar
    assert rules.fired(opened(NOON + timedelta(days=1, hours=8)), PLACE) is None
    assert rules.fired(opened(NOON + timedelta(days=1), "z2m:front"), PLACE) is None


@pytest.mark.parametrize("name", ["棚门白天开着", "Shed_by_day", "Дверь_2"])
def test_a_rule_of_its_own_is_called_as_people_say_it(name: str) -> None:
    known = read_rules(document(rules=[{**SHED, "id": name, "during": {}}]))
    assert read_rules(document_of(known)) == known
    assert Rules(known).fired(opened(NOON), PLACE) == Fired(name, "high", "security")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([], "no mapping"),
        ({"rules": []}, "schema: missing required"),
        (document(rule=[]), "^rule: unknown"),
        (
            document(rules=[{**SHED, "when": {"kind": "dor"}}]),
            r"rules\[0\]\.when\[0\]\.kind: no kind of event 'dor'; th",
        ),
        (document(rules=[{**SHED, "when": {}}]), r"rules\[0\]\.when\[0\]\.when: asks nothing"),
        (document(rules=[{**SHED, "severity": "bad"}]), r"rules\[0\]\.severity: Invalid enum value 'bad'"),
        (document(rules=[{**SHED, "during": {"hours": "8-18"}}]), r"rules\[0\]\.during\.hours: '8-18' is no span"),
        (document(rules=[{**SHED, "id": "Shed!"}]), r"^rules\[0\]\.id: no name of a rule: write a letter"),
        (document(rules=[{**SHED, "id": "夜里 开门"}]), r"^rules\[0\]\.id: no name"),
        (document(rules=[{**SHED, "id": "=1"}]), r"^rules\[0\]\.id: no name"),
        (document(rules=[{**SHED, "id": "shed\n"}]), r"^rules\[0\]\.id: no name"),
        (document(rules=[{**SHED, "id": "棚" * 65}]), r"^rules\[0\]\.id: no name"),
        (document(rules=[SHED, SHED]), "'shed_by_day' stands twice; keep one"),
        (document(without=["nothing"]), r"without\[0\]: there is no built-in rule 'nothing'"),
        (document(without=["alarm_fire"]), r"without\[0\]: alarm_fire is about lives and stays"),
        (
            document(inhibitions=[{"by": "door_forced", "of": "alarm_fire"}]),
            r"inhibitions\[0\]\.of: alarm_fire is about lives",
        ),
        (document(inhibitions=[{"by": "alarm_fire", "of": []}]), r"inhibitions\[0\]\.of"),
    ],
)
def test_what_is_wrong_says_where_and_what_to_do(wrong: Any, says: str) -> None:
    with pytest.raises(BadRules, match=says):
        read_rules(wrong)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"severity": "low"}, "stays critical"),
        ({"during": {"quiet": True}}, "keep what the built-in rule says"),
        ({"when": {"kind": "alarm", "alarm": "fire", "device": "z2m:1"}}, "add to `when`"),
    ],
)
def test_a_rule_about_lives_is_made_no_milder(change: dict[str, Any], says: str) -> None:
    fire = {"id": "alarm_fire", "severity": "critical", "category": "fire", "when": {"kind": "alarm", "alarm": "fire"}}
    fire["unless"] = {"state": ["cleared", "test"]}
    with pytest.raises(BadRules, match=says):
        read_rules(document(rules=[{**fire, **change}]))
    contact = {"kind": "input", "device": "vz:1", "state": "on"}
    wider = Rules(read_rules(document(rules=[{**fire, "when": [{"kind": "alarm", "alarm": "fire"}, contact]}])))
    assert wider.fired(Event(**contact, time=NOON), PLACE)  # type: ignore[arg-type]


def test_a_document_that_holds_itself_is_refused() -> None:
    rule: dict[str, Any] = dict(SHED)
    rule["when"] = [rule]
    with pytest.raises(BadRules, match="holds itself"):
        read_rules(document(rules=[rule]))


def test_of_several_rules_the_worst_fires() -> None:
    mild = {**SHED, "id": "any_door", "severity": "low", "when": {"kind": "door"}, "during": {}}
    rules = Rules(read_rules(document(rules=[mild])))
    found = rules.fired(Event(kind="door", device="x:1", state="forced_open", time=NOON), PLACE)
    assert found is not None and (found.rule, found.severity) == ("door_forced", "critical")


def test_an_event_is_judged_by_the_rules_of_when_it_happened() -> None:
    quiet = Rules(read_rules(document(without=["door_held_open"])))
    versions = Versions(BUILT_IN, [Dated(NOON + timedelta(days=2), 3, BUILT_IN), Dated(NOON, 2, quiet)])
    held = Event(kind="door", device="x:1", state="held_open", time=NOON)
    fired = [versions.at(NOON + timedelta(hours=hour)).fired(held, PLACE) for hour in (-1, 0, 47, 48)]
    assert [found is not None for found in fired] == [True, False, False, True]


def test_yesterday_under_other_rules() -> None:
    held = [Event(kind="door", device="x:1", state="held_open", time=NOON + timedelta(minutes=n)) for n in (0, 2, 60)]
    told = [(event, Fact(bytes([n]), "garden", "live")) for n, event in enumerate(held)]
    before = would_have_fired(BUILT_IN, [*told, *reversed(told)], PLACE)
    after = would_have_fired(Rules(read_rules(document(without=["door_held_open"]))), told, PLACE)
    assert before.by_rule == {"door_held_open": 3}
    assert len(before.incidents) == 2
    assert (after.alerts, after.incidents) == ((), ())


def test_conditions_ask_of_zone_subject_color_and_how_sure() -> None:
    rule = {
        **SHED,
        "id": "green_plate",
        "during": {},
        "when": {"kind": "plate", "subject": "plate", "color": "green", "zone": "yard", "confidence": 0.9},
    }
    rules = Rules(read_rules(document(rules=[rule])))
    plate = {"kind": "plate", "device": "vz:1", "time": NOON, "zones": ["yard"], "confidence": 0.95}
    green = Subject(type="plate", plate_color="green")
    assert rules.fired(Event(**plate, subject=green), PLACE)  # type: ignore[arg-type]
    for change in ({"zones": []}, {"confidence": 0.5}, {"subject": Subject(type="plate", plate_color="blue")}):
        assert rules.fired(Event(**{"subject": green, **plate, **change}), PLACE) is None  # type: ignore[arg-type]


def test_hours_and_quiet_hours_are_either() -> None:
    during = During(quiet=True, hours=("12:00-13:00",))
    held = [during.holds(NOON.replace(hour=hour), PLACE) for hour in (4, 5, 16)]  # 12:00, 13:00, 00:00 at the site
    assert held == [True, False, True]
