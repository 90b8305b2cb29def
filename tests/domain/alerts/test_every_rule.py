"""Each thing that is to become an alert, as whoever finds it says it: the rule, how bad, of which kind; and beside it
something so near that a careless rule would take it, which is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest

from domain.alerts.built_in import BUILT_IN, KNOWN
from domain.alerts.rules import Rules
from domain.events import Event
from domain.places import Place, hours

NIGHT = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)  # 02:00 in Shanghai
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
SLEEPY = Place(quiet=(hours("23:00", "05:00"),))


class Case(NamedTuple):
    """``said`` fires ``rule``; with what ``but`` says otherwise nothing fires, or what ``then`` names."""

    what: str
    said: dict[str, Any]
    rule: str
    severity: str
    category: str
    but: dict[str, Any]
    then: str | None = None


def door(state: str) -> dict[str, Any]:
    return {"kind": "door", "device": "uhppoted:405419896", "point": "door/1", "state": state}


def refused(reason: str) -> dict[str, Any]:
    return {"kind": "access", "device": "uhppoted:405419896", "point": "reader/1", "result": "denied", "reason": reason}


def alarm(name: str, device: str = "z2m:0x00158d0001a2b3c4") -> dict[str, Any]:
    return {"kind": "alarm", "device": device, "alarm": name, "state": "active"}


def seen(label: str, **more: Any) -> dict[str, Any]:
    return {"kind": "detection", "device": "camera:yard", "label": label, "phase": "start", **more}


OPENED = {"result": "granted", "reason": None}
CLEARED, TESTED, ENDED = {"state": "cleared"}, {"state": "test"}, {"phase": "end"}
RETAINED = {"retained": True}  # a broker's memory of what was
BY_DAY = {"time": NOON}
RESTRICTED: dict[str, Any] = {"ext": {"zone": "restricted"}}
ELSEWHERE: dict[str, Any] = {"zones": ["yard"]}
PLATE = ("alarm_plate_black_listed", "medium", "safety")
LANE, LIFT, BOX = {"zones": ["fire_lane"]}, {"zones": ["elevator"]}, "gateway:gw-0a1b2c3d4e5f"

CASES = (
    Case("door forced", door("forced_open"), "door_forced", "critical", "security", {"state": "open"}),
    Case("door held", door("held_open"), "door_held_open", "medium", "security", {"state": "closed"}),
    Case("door forced, long ago", door("forced_open"), "door_forced", "critical", "security", RETAINED),
    Case("duress", alarm("duress", "uhppoted:1"), "alarm_duress", "critical", "safety", CLEARED),
    Case("unknown credential", refused("unknown_credential"), "access_denied", "low", "security", OPENED),
    Case("revoked", refused("revoked"), "credential_revoked", "medium", "security", OPENED),
    Case(
        "revoked, not wrong hour",
        refused("card_cancelled"),
        *("credential_revoked", "medium", "security"),
        {"reason": "wrong_time"},
        "access_denied",
    ),
    Case("anti-passback", refused("anti_passback"), "anti_passback", "medium", "security", {"result": "granted"}),
    Case("fire", alarm("fire", "gb26875:1"), "alarm_fire", "critical", "fire", TESTED),
    Case("smoke", alarm("smoke"), "alarm_smoke", "critical", "fire", CLEARED),
    Case("gas", alarm("gas"), "alarm_gas", "critical", "fire", TESTED),
    Case("water", alarm("water_leak"), "alarm_water_leak", "high", "safety", CLEARED),
    Case("SOS", alarm("sos"), "alarm_sos", "critical", "safety", RETAINED),
    Case("person in zone", seen("person", **RESTRICTED), "person_at_night", "high", "security", BY_DAY),
    Case("person elsewhere", seen("person", **RESTRICTED), "person_at_night", "high", "security", {"ext": {}}),
    Case("loitering in zone", seen("loitering", **RESTRICTED), "person_at_night", "high", "security", ENDED),
    Case("line crossed in zone", seen("line_crossing", **RESTRICTED), "person_at_night", "high", "security", BY_DAY),
    Case("vehicle in fire lane", seen("vehicle", **LANE), "vehicle_in_fire_lane", "high", "fire", ELSEWHERE),
    Case("found there later", seen("car", **LANE) | {"phase": "update"}, "vehicle_in_fire_lane", "high", "fire", ENDED),
    Case("no person in the lane", seen("truck", **LANE), "vehicle_in_fire_lane", "high", "fire", {"label": "person"}),
    Case("crowd", seen("crowd"), "crowd", "medium", "security", ENDED),
    Case("camera off", alarm("video_loss", "hikvision:1"), "alarm_video_loss", "medium", "safety", CLEARED),
    Case("camera dark", alarm("image_fault", "camera:yard"), "alarm_image_fault", "medium", "safety", CLEARED),
    Case("camera moved", alarm("tamper", "dahua:1"), "alarm_tamper", "high", "safety", CLEARED),
    Case("plate listed", alarm("plate_black_listed", "v:1"), *PLATE, RETAINED),
    # A hit of a watch list is for whoever gave the order, and for nobody else: it never is an alert.
    Case("no hit", alarm("plate_black_listed"), *PLATE, {"kind": "watch_hit", "alarm": None}),
    Case("tailgate, people", alarm("tailgating", "osdp:1"), "alarm_tailgating", "medium", "safety", CLEARED),
    Case("tailgate, cars", seen("vehicle_tailgating"), "vehicle_tailgating", "medium", "security", {"label": "car"}),
    Case("barrier struck", alarm("barrier_struck", "vzenith:1"), "alarm_barrier_struck", "high", "safety", TESTED),
    Case("charger hot", alarm("charger_overheat", "ocpp:1"), "alarm_charger_overheat", "high", "safety", CLEARED),
    Case("e-bike in lift", seen("ebike_in_elevator"), "ebike_in_elevator", "high", "safety", {"label": "bicycle"}),
    Case("two wheels in lift", seen("non_motor_vehicle", **LIFT), "ebike_in_elevator", "high", "safety", ELSEWHERE),
    Case(
        "no pram in lift", seen("non_motor_vehicle", **LIFT), "ebike_in_elevator", "high", "safety", {"label": "pram"}
    ),
    Case("flying wire", seen("flying_wire"), "flying_wire", "medium", "safety", ENDED),
    Case("gateway silent", alarm("gateway_silent", BOX), "alarm_gateway_silent", "high", "device", CLEARED),
    Case(
        "device silent",
        {"kind": "availability", "device": "z2m:1", "state": "offline"},
        *("device_offline", "low", "device"),
        {"state": "online"},
    ),
    Case("gap", alarm("conservation_gap", BOX), "conservation_gap", "high", "device", {"kind": "availability"}),
)


def fired(said: dict[str, Any], rules: Rules = BUILT_IN) -> tuple[str, str, str] | None:
    fields: dict[str, Any] = {"time": NIGHT} | said
    found = rules.fired(Event(**fields), SLEEPY)
    return None if found is None else (found.rule, found.severity, found.category)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_is_an_alert_and_what_is_next_to_one(case: Case) -> None:
    assert fired(case.said) == (case.rule, case.severity, case.category)
    near = fired(case.said | case.but)
    assert (near and near[0]) == case.then


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_it_is_that_rule_which_sees_it(case: Case) -> None:
    """The control: without it and the last rule, which takes every alarm, it is something else, or nothing."""
    left = tuple(rule for rule in KNOWN.rules if rule.id not in (case.rule, "alarm_{alarm}"))
    assert len(left) == len(KNOWN.rules) - 2
    assert fired(case.said, Rules(msgspec.structs.replace(KNOWN, rules=left))) != fired(case.said)


def test_no_built_in_rule_stands_without_a_case() -> None:
    """But those that only name an alarm of which there are many, and the last, which takes whatever is left."""
    known = {rule.id for rule in KNOWN.rules} - {case.rule for case in CASES}
    plain = {"door_lock_out", "lock_down", "theft", "intrusion", "fire_system_fault", "wrong_way", "clock_skew"}
    plain |= {"barrier_not_opened", "barrier_held_open", "care_check", "{alarm}"}
    assert known == {f"alarm_{name}" for name in plain}
