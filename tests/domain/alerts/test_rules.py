"""What is an alert and what is not, and how late it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import msgspec
import pytest

from domain.alerts import words
from domain.alerts.built_in import BUILT_IN, KNOWN
from domain.alerts.rules import Rules
from domain.events import KINDS, Event, encode_event
from domain.places import BadHours, Place, hours
from domain.sketch import decode_sketches

NIGHT = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)  # 02:00 in Shanghai
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
SLEEPY = Place(quiet=(hours("23:00", "05:00"),))


def rules(event: Event, place: Place = SLEEPY) -> list[tuple[str, str]]:
    found = BUILT_IN.fired(event, place)
    return [] if found is None else [(found.rule, found.severity)]


def person(at: datetime, **fields: object) -> Event:
    base = {"kind": "detection", "device": "frigate:yard", "label": "person", "phase": "start", "time": at}
    return Event(**{**base, "ext": {"zone": "restricted"}, **fields})  # type: ignore[arg-type]


def test_a_person_in_a_restricted_zone_is_an_alert_in_the_quiet_hours_once() -> None:
    assert rules(person(NIGHT)) == [("person_at_night", "high")]
    assert rules(person(NOON)) == []
    assert rules(person(NIGHT, ext={"zone": "public"})) == []
    assert rules(person(NIGHT, phase="update")) == rules(person(NIGHT, phase="end")) == []


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event(kind="door", device="x:1", state="forced_open", time=NOON), [("door_forced", "critical")]),
        (Event(kind="door", device="x:1", state="held_open", time=NOON), [("door_held_open", "medium")]),
        (Event(kind="door", device="x:1", state="open", time=NOON), []),
        (Event(kind="access", device="x:1", result="denied", time=NOON), [("access_denied", "low")]),
        (Event(kind="access", device="x:1", result="granted", time=NOON), []),
        (Event(kind="alarm", device="x:1", alarm="fire", state="active", time=NOON), [("alarm_fire", "critical")]),
        (Event(kind="alarm", device="x:1", alarm="fire", state="cleared", time=NOON), []),
        (Event(kind="alarm", device="x:1", alarm="fire", state="test", time=NOON), []),
        (Event(kind="alarm", device="x:1", alarm="bees", time=NOON), [("alarm_bees", "medium")]),
        (Event(kind="alarm", device="gateway", alarm="clock_skew", time=NOON), [("alarm_clock_skew", "medium")]),
        (Event(kind="availability", device="x:1", state="offline", time=NOON), [("device_offline", "low")]),
    ],
)
def test_rules(event: Event, expected: list[tuple[str, str]]) -> None:
    assert rules(event) == expected


def test_what_a_broker_retained_is_a_state_and_rings_nobody() -> None:
    assert rules(Event(kind="door", device="x:1", state="forced_open", time=NOON, retained=True)) == []


def test_a_clock_that_is_off_is_the_business_of_who_looks_after_devices() -> None:
    event = Event(kind="alarm", device="gateway", alarm="clock_skew", state="active", time=NOON)
    found = BUILT_IN.fired(event, SLEEPY)
    assert found is not None and found.category == "device"


@pytest.mark.parametrize(("seconds", "expected"), [(0, "live"), (61, "recent"), (1801, "recent"), (86_400, "recent")])
def test_an_unsure_time_puts_no_alarm_away(seconds: int, expected: str) -> None:
    assert words.lateness(NOON, NOON + timedelta(seconds=seconds), unsure=True) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0, "live"), (60, "live"), (61, "recent"), (1801, "late")])
def test_lateness_is_honest(seconds: int, expected: str) -> None:
    assert words.lateness(NOON, NOON + timedelta(seconds=seconds)) == expected


def test_hours_cross_midnight_and_whole_days_have_no_hole() -> None:
    always = Place(quiet=(hours("00:00", "24:00"),))
    minutes = [NOON + timedelta(minutes=n) for n in range(24 * 60)]
    assert all(always.is_quiet(at) for at in minutes)
    assert sum(SLEEPY.is_quiet(at) for at in minutes) == 6 * 60


@pytest.mark.parametrize("text", ["25:00", "noon", "", "7"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadHours):
        hours(text, "05:00")


def _every_sort() -> Iterator[Event]:
    states = (None, "open", "forced_open", "held_open", "active", "cleared", "test", "offline")
    labels, phases = (None, "person", "vehicle_tailgating", "crowd", "parked"), ("instant", "start", "update")
    for kind, state, label, phase, result in product(KINDS, states, labels, phases, (None, "denied")):
        base = Event(kind=kind, device="x:1", recorded_at=NIGHT, state=state, label=label, phase=phase, result=result)
        yield base
        yield Event(**{**_fields(base), "alarm": "smoke", "ext": {"zone": "restricted"}})  # type: ignore[arg-type]


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_an_event_that_is_an_alert_looks_like_one_at_a_glance() -> None:
    events = list(_every_sort())
    sketches = decode_sketches(b"[" + b",".join(map(encode_event, events)) + b"]")
    fired = [bool(rules(event)) for event in events]
    looks = [BUILT_IN.may_fire(sketch) for sketch in sketches]
    assert all(look for is_alert, look in zip(fired, looks, strict=True) if is_alert)
    assert {rule for event in events for rule, _ in rules(event)} >= {"door_forced", "alarm_smoke", "person_at_night"}
    assert not all(looks)


@pytest.mark.parametrize(
    ("rule", "name", "wanted"),
    [
        ("door_forced", "door_forced", True),
        ("door_forced", "door_held_open", False),
        ("alarm_{alarm}", "alarm_bees", True),
        ("alarm_{alarm}", "alarm_fire", False),
        ("alarm_fire", "alarm_bees", False),
    ],
)
def test_a_photo_is_wanted_by_the_very_rule_or_by_that_of_all_other_alarms(rule: str, name: str, wanted: bool) -> None:
    known = [msgspec.structs.replace(one, photo=one.id == rule) for one in KNOWN.rules]
    assert Rules(msgspec.structs.replace(KNOWN, rules=tuple(known))).wants_photo(name) is wanted
    assert not BUILT_IN.wants_photo(name), "none is, unless a complex says so"
