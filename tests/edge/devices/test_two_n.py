"""2N beyond the recorded messages: what each entry says, codes that are kept nowhere, what is asked next."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from domain.access import asks_for_a_decision
from domain.events import Event
from edge.devices.driver import (
    ANSWER_STATUS,
    ANSWER_TO,
    BadMessage,
    CannotEncode,
    Command,
    Message,
    Poll,
    Request,
    discover,
)
from tests.edge.devices.samples import RECEIVED_AT, SITE

SECONDS = 1772324130
(WAY,) = discover().by_family["2n"].pulls


def answer(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"success": True, "result": {"events": list(entries)}}).encode()


def entry(name: str, /, **params: Any) -> dict[str, Any]:
    return {"id": 7, "tzShift": 480, "utcTime": SECONDS, "event": name, "params": params}


def events(payload: bytes, **changes: Any) -> list[Event]:
    return discover().decode(Message("2n", payload, sender="54-1", received_at=RECEIVED_AT, **changes), SITE).events


def only(name: str, /, **params: Any) -> Event:
    (event,) = events(answer(entry(name, **params)))
    return event


@pytest.mark.parametrize(
    ("name", "params", "kind", "words"),
    [
        ("DoorStateChanged", {"state": "closed"}, "door", {"state": "closed"}),
        ("DoorOpenTooLong", {"state": "in"}, "door", {"state": "held_open"}),
        ("CardEntered", {"uid": "1", "valid": False}, "access", {"result": "denied", "method": "card"}),
        ("FingerEntered", {"valid": True}, "access", {"result": "granted", "method": "fingerprint"}),
        ("MobKeyEntered", {"valid": True}, "access", {"method": "remote"}),
        ("UserAuthenticated", {"name": "甲", "uuid": "u-1"}, "access", {"result": "granted"}),
        ("UserRejected", {"reason": "apb"}, "access", {"result": "denied", "reason": "apb"}),
        ("RexActivated", {}, "access", {"method": "button"}),
        ("SwitchStateChanged", {"switch": 1, "state": True}, "door", {"point": "switch/1", "state": "unlocked"}),
        ("SwitchStateChanged", {"switch": 1, "state": False}, "door", {"state": "locked"}),
        ("InputChanged", {"port": "input1", "state": True}, "input", {"point": "input/input1", "value": 1}),
        ("TamperSwitchActivated", {"state": "in"}, "alarm", {"alarm": "tamper", "state": "active"}),
        ("TamperSwitchActivated", {"state": "out"}, "alarm", {"state": "cleared"}),
        ("SilentAlarm", {}, "alarm", {"alarm": "duress", "state": "active"}),
        ("MotionDetected", {"state": "out"}, "detection", {"label": "motion", "phase": "end"}),
        ("DeviceState", {"state": "startup"}, "availability", {"state": "online"}),
        ("LicensePlateRecognized", {"licensePlate": "粤B8K6Q2"}, "plate", {}),
        ("FutureEvent", {"x": 1}, "unknown", {"code": "FutureEvent", "raw_codes": {"x": 1}}),
    ],
)
def test_an_entry_has_its_words(name: str, params: dict[str, Any], kind: str, words: dict[str, Any]) -> None:
    event = only(name, **params)
    assert (event.kind, event.device, event.source_event_id) == (kind, "2n:54-1", "7")
    assert {key: getattr(event, key) for key in words} == words


def test_an_alarm_that_is_over_says_nothing_of_the_door() -> None:
    assert events(answer(entry("UnauthorizedDoorOpen", state="out"))) == []


@pytest.mark.parametrize("name", ["CodeEntered", "KeyPressed", "KeyReleased"])
def test_a_code_is_kept_nowhere(name: str) -> None:
    payload = answer(entry(name, code="90210", key="90210", valid=True))
    reading = discover().decode(Message("2n", payload, sender="54-1"), SITE)
    assert b"90210" not in msgspec.json.encode(reading.events)
    assert reading.pictures == []


def test_only_a_card_that_was_refused_asks() -> None:
    assert asks_for_a_decision(only("CardEntered", uid="1", valid=False))
    assert not asks_for_a_decision(only("CardEntered", uid="1", valid=True))
    assert not asks_for_a_decision(only("CodeEntered", code="1", valid=False))


@pytest.mark.parametrize(
    "payload", [b'{"success": false, "error": {"code": 12}}', b'{"success": true}', answer({"id": 1}), b"OK", b"[]"]
)
def test_what_is_no_log_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        events(payload)


def test_a_channel_that_was_opened_is_no_event() -> None:
    assert events(b'{"success": true, "result": {"id": 2121013117}}') == []


@pytest.mark.parametrize("missed_s", [0.0, 0.9, 59.99, 86_399.5])
def test_what_was_logged_while_the_line_was_cut_is_asked_for(missed_s: float) -> None:
    """Its times are cut to whole seconds, and the question may be a second or two on its way."""
    assert isinstance(WAY, Poll)
    asked_s = int(WAY.first(missed_s).partition("include=-")[2].partition("&")[0])
    assert asked_s >= missed_s + 1 + 2


def test_what_is_asked_next() -> None:
    assert isinstance(WAY, Poll)
    assert WAY.first(59.5) == "/api/log/subscribe?include=-64&duration=3600"
    assert WAY.first(0.0).startswith("/api/log/subscribe?include=-5&")
    pull = WAY.following(WAY.first(1.0), b'{"success": true, "result": {"id": 212}}')
    assert pull == "/api/log/pull?id=212&timeout=20"
    assert WAY.following(pull, answer()) == pull
    for ended in (b'{"success": false, "error": {"code": 12}}', b"", b"<html>"):
        assert WAY.following(pull, ended) is None


@pytest.mark.parametrize("point", ["switch/0", "switch/9", "door/x", "1&action=hold"])
def test_a_switch_that_cannot_be_is_refused(point: str) -> None:
    with pytest.raises(CannotEncode):
        discover().encode(Command("door.open", "2n:1", "order-1", RECEIVED_AT, {"point": point}), SITE)


def test_a_switch_is_triggered() -> None:
    for args in ({}, {"point": "switch/1"}, {"point": "door/1"}):
        made = discover().encode(Command("door.open", "2n:1", "order-1", RECEIVED_AT, args), SITE)
        assert made == Request("GET", "/api/switch/ctrl?switch=1&action=trigger", request_id="order-1")


@pytest.mark.parametrize(
    ("status", "body", "ok", "text"),
    [
        ("200", b'{"success": true}', True, None),
        ("200", b'{"success": false, "error": {"code": 12, "description": "no such switch"}}', False, "no such switch"),
        ("401", b"it refuses the password", False, "it refuses the password"),
    ],
)
def test_an_answer_is_the_result_of_its_command(status: str, body: bytes, ok: bool, text: str | None) -> None:
    (event,) = events(body, headers={ANSWER_STATUS: status, ANSWER_TO: "order-1"})
    assert (event.kind, event.request_id, event.ok, event.text) == ("command_result", "order-1", ok, text)
