"""Zigbee2MQTT: names with slashes, states that repeat, alarms that end, buttons, codes that stay out, orders."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.events import Event, encode_event
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Reading, discover
from edge.intake.state_filter import StateFilter
from tests.edge.devices.samples import RECEIVED_AT, SITE


def decode(topic: str, body: Any, **changes: Any) -> Reading:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return discover().decode(Message("zigbee2mqtt", payload, f"zigbee2mqtt/{topic}", **changes), SITE)


def said(body: Any, topic: str = "door", **changes: Any) -> list[tuple[Any, ...]]:
    return [(e.kind, e.alarm or e.label or e.point, e.state or e.phase) for e in decode(topic, body, **changes).events]


def test_a_name_may_have_slashes() -> None:
    (event,) = decode("building 3/2f/门", {"contact": False}).events
    assert (event.device, event.state) == ("z2m:building 3/2f/门", "open")
    (there,) = decode("building 3/2f/门/availability", b"online").events
    assert (there.device, there.kind, there.state) == ("z2m:building 3/2f/门", "availability", "online")


@pytest.mark.parametrize("value", [None, "", "perhaps", [], {}, 2, -1])
def test_a_contact_that_says_nothing_is_no_open_door(value: Any) -> None:
    assert not [event for event in decode("door", {"contact": value, "linkquality": 9}).events if event.kind == "door"]


@pytest.mark.parametrize(
    ("value", "state"), [(False, "open"), (True, "closed"), (0, "open"), ("false", "open"), (1, "closed")]
)
def test_false_is_open(value: Any, state: str) -> None:
    assert said({"contact": value}) == [("door", None, state)]


@pytest.mark.parametrize("payload", [b"", b" ", b'{"state":"offline"}', b"offline", b'"offline"', b"OFFLINE"])
def test_availability_in_all_its_forms(payload: bytes) -> None:
    events = decode("x/availability", payload, retained=True).events
    assert [event.state for event in events] == (["offline"] if payload.strip() else [])
    assert all(event.retained for event in events)


def test_the_bridge_and_who_joined_it() -> None:
    assert said({"state": "online"}, "bridge/state") == [("availability", None, "online")]
    event = {"type": "device_leave", "data": {"friendly_name": "b3/smoke", "ieee_address": "0x00158d0001dc126a"}}
    (left,) = decode("bridge/event", event).events
    assert (left.device, left.kind, left.state, left.reason) == (
        "z2m:b3/smoke",
        "availability",
        "offline",
        "device_leave",
    )
    interview = {"type": "device_interview", "data": {"friendly_name": "x", "status": "failed", "definition": None}}
    (kept,) = decode("bridge/event", interview).events
    assert (kept.kind, kept.code, kept.raw_codes) == ("unknown", "device_interview", {"status": "failed"})
    other = discover().decode(Message("zigbee2mqtt", b'{"state":"offline"}', "house-3/bridge/state"), SITE)
    assert (other.events[0].device, other.events[0].point) == ("z2m-bridge", "house-3")


@pytest.mark.parametrize(
    "topic", ["bridge/info", "bridge/devices", "bridge/logging", "door/set", "door/get", "d/set/state"]
)
def test_what_is_not_for_us_is_nothing(topic: str) -> None:
    assert decode(topic, {"config": {"advanced": {"network_key": [1, 2, 3]}}}) == Reading([])


def test_an_answer_of_the_bridge() -> None:
    body = {"data": {}, "status": "error", "error": "Device 'x' does not exist", "transaction": "r7"}
    (event,) = decode("bridge/response/device/rename", body).events
    assert (event.kind, event.request_id, event.ok, event.label) == ("command_result", "r7", False, "device/rename")


def test_a_self_test_is_no_fire() -> None:
    assert said({"smoke": False, "test": True}) == [("alarm", "smoke", "test")]
    assert said({"smoke": True, "test": True}) == [("alarm", "smoke", "test")]
    assert said({"smoke": True, "test": False}) == [("alarm", "smoke", "active")]


@pytest.mark.parametrize("value", [None, "", "no", [], {}, 2])
def test_what_is_not_clearly_yes_is_no_alarm(value: Any) -> None:
    assert not [event for event in decode("x", {"smoke": value, "sos": value}).events if event.kind == "alarm"]


def test_carbon_monoxide_is_gas_and_says_so() -> None:
    (event,) = decode("x", {"carbon_monoxide": True, "gas": False}).events
    assert (event.alarm, event.reason_code, event.state) == ("gas", "carbon_monoxide", "active")


def test_buttons() -> None:
    assert said({"action": ""}) == said({"action": None}) == []
    assert said({"action": "emergency"}) == [("alarm", "sos", "active")]
    (event,) = decode("x", {"action": "single", "battery": 40}).events[:1]
    assert (event.kind, event.point, event.value) == ("input", "button", "single")
    assert decode("x/action", b"single") == Reading([])  # the same again, for Home Assistant


def test_a_code_typed_at_a_keypad_goes_nowhere() -> None:
    body = {"action": "disarm", "action_code": "4711", "action_zone": 0, "action_transaction": 35}
    reading = decode("x", {**body, "users": {"1": {"pin_code": "0815"}}})
    (event,) = reading.events
    assert (event.point, event.value, event.source_event_id) == ("keypad", "disarm", "35")
    odd = decode("lock", {"users": {"1": {"pin_code": "0815", "status": "enabled"}}, "brightness": 7})
    for one in (reading, odd):
        assert not any(b"4711" in encode_event(event) or b"0815" in encode_event(event) for event in one.events)
        assert not one.pictures


def test_measures_and_what_nobody_knows() -> None:
    (event,) = decode("plug", {"power": 7.5, "voltage": 231, "current": 0.03, "energy": 1.25}).events
    assert event.metrics == {"power_w": 7.5, "current_ma": 30.0, "energy_wh": 1250.0, "voltage_mv": 231_000.0}
    (odd,) = decode("lamp", {"brightness": 254, "color_mode": "xy", "linkquality": 90}).events
    assert (odd.kind, odd.raw_codes) == ("unknown", {"brightness": 254, "color_mode": "xy"})
    assert decode("x", {"linkquality": 90, "update": {"state": "idle"}}) == Reading([])


def test_one_field_below_a_name_is_read_as_that_field() -> None:
    (event,) = decode("hall/door/contact", b"false").events
    assert (event.device, event.state) == ("z2m:hall/door", "open")
    assert decode("hall/door/linkquality", b"99") == Reading([])
    with pytest.raises(BadMessage):
        decode("door", b"false")


def test_when_it_was_last_seen() -> None:
    at = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
    for sent in (1772324130000, "2026-03-01T00:15:30.000Z", "2026-03-01T08:15:30+08:00", "2026-03-01T08:15:30"):
        (event,) = decode("x", {"occupancy": True, "last_seen": sent}, received_at=RECEIVED_AT).events
        assert (event.time, event.time_quality) == (at, "ok")
    (event,) = decode("x", {"occupancy": True, "last_seen": "2099-01-01T00:00:00Z"}, received_at=RECEIVED_AT).events
    assert (event.time, event.time_quality) == (None, "device_clock_bad")
    (event,) = decode("x", {"smoke": True, "last_seen": 1772324130000}, retained=True).events
    assert (event.retained, event.time_quality) == (True, "replay")


class Log:
    """What gets through to the log, as the intake does it."""

    def __init__(self) -> None:
        self.states = StateFilter()

    def takes(self, body: dict[str, Any], **changes: Any) -> list[tuple[str | None, str | None]]:
        reading = decode("x", body, **changes)
        settled = [event for event in reading.at_rest if self.states.settles(event)]
        return [self._shown(e) for e in reading.events if self.states.changes(e)] + [self._shown(e) for e in settled]

    @staticmethod
    def _shown(event: Event) -> tuple[str | None, str | None]:
        return event.alarm or event.label or event.kind, event.state or event.phase


def test_a_state_that_is_repeated_whole_is_told_once_and_its_end_once() -> None:
    log = Log()
    assert log.takes({"smoke": False, "battery_low": False}) == []
    assert log.takes({"smoke": True, "battery_low": False}) == [("smoke", "active")]
    assert log.takes({"smoke": True, "battery_low": True}) == [("battery_low", "active")]
    assert log.takes({"smoke": False, "battery_low": True}) == [("smoke", "cleared")]
    assert log.takes({"smoke": False, "battery_low": True}) == []
    assert log.takes({"smoke": True}) == [("smoke", "active")]


def test_a_second_press_of_the_emergency_button_is_heard() -> None:
    log = Log()
    assert log.takes({"action": "emergency"}) == log.takes({"action": "emergency"}) == [("sos", "active")]


def test_motion_and_measures_that_say_nothing_new() -> None:
    log = Log()
    first = {"occupancy": True, "battery": 90, "last_seen": 1772324130000}
    assert log.takes(first) == [("motion", "start"), ("measurement", "instant")]
    assert log.takes({**first, "last_seen": 1772324131000}) == []
    assert log.takes({"occupancy": False, "battery": 89}) == [("motion", "end"), ("measurement", "instant")]


def test_a_kept_alarm_rings_nowhere_and_the_live_one_after_it_does() -> None:
    log = Log()
    assert log.takes({"smoke": True}, retained=True) == [("smoke", "active")]  # marked as retained
    assert log.takes({"smoke": True}) == [("smoke", "active")]
    assert log.takes({"smoke": True}) == log.takes({"smoke": True}, retained=True) == []


def encode(name: str, hint: str = "", device: str = "z2m:b3/plug", **args: Any) -> tuple[str, Any]:
    order: Any = discover().encode(Command(name, device, "r1", RECEIVED_AT, args), SITE, hint)
    return order.topic, json.loads(order.payload)


def test_orders() -> None:
    assert encode("switch.on") == ("zigbee2mqtt/b3/plug/set", {"state": "ON"})
    assert encode("switch.off", "house-3/b3/plug", endpoint="l2") == ("house-3/b3/plug/set", {"state_l2": "OFF"})
    assert encode("siren.off")[1]["warning"]["mode"] == "stop"
    for name, args in (("siren.on", {"seconds": 0}), ("siren.on", {"seconds": "x"}), ("door.open", {})):
        with pytest.raises(CannotEncode):
            encode(name, **args)
    with pytest.raises(CannotEncode):
        encode("switch.on", device="z2m:a/#")
