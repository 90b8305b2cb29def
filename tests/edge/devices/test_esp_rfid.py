"""esp-rfid: firmware of several years, boards that share a topic, clocks before NTP, and orders to open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Publish, Reading, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of

TOPIC = "/rfid/unit3"


def decode(topic: str, body: Any, **changes: Any) -> Reading:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return discover().decode(Message("esp-rfid", payload, topic, **changes), SITE)


def access(**changed: Any) -> dict[str, Any]:
    return {**json_of("esp-rfid", "access-granted.json"), **changed}


@pytest.mark.parametrize("end", ["", "/send", "/sync"])
def test_a_board_is_its_topic_whatever_its_firmware_puts_behind_it(end: str) -> None:
    (event,) = decode(TOPIC + end, access()).events
    assert (event.device, event.result) == (f"esp-rfid:{TOPIC}", "granted")


@pytest.mark.parametrize(
    ("changed", "result"),
    [
        ({"access": "Admin"}, "granted"),
        ({"access": "Disabled"}, "denied"),
        ({"access": "Expired"}, "denied"),
        ({"access": "always"}, "granted"),
        ({"isKnown": "false"}, "unknown"),
        ({"isKnown": False}, "unknown"),
        ({"access": "Alwais"}, "unknown"),
        ({"access": 1}, "unknown"),
        ({"access": None}, "unknown"),
    ],
)
def test_only_what_says_so_is_an_opening(changed: dict[str, Any], result: str) -> None:
    try:
        events = decode(TOPIC, access(**changed)).events
    except BadMessage:
        assert result == "unknown"
        return
    assert [event.result for event in events] == [result]


def test_a_board_of_several_doors_says_each() -> None:
    both = decode(f"{TOPIC}/send", access(access=["Always", "Disabled"], doorName=["hall", "cellar"])).events
    assert [(event.point, event.result) for event in both] == [("hall", "granted"), ("cellar", "denied")]
    unnamed = decode(f"{TOPIC}/send", access(access=["Always"])).events
    assert [event.point for event in unnamed] == ["door/1"]


def test_boards_that_share_a_topic_are_told_apart_by_name() -> None:
    (event,) = decode("/rfid/send", access(door="unit-7")).events
    assert (event.device, event.point) == ("esp-rfid:/rfid", "unit-7")


def test_a_door_opened_over_mqtt_is_nobody_s_card() -> None:
    (event,) = decode(f"{TOPIC}/send", access(username="MQTT", uid=" ")).events
    assert (event.method, event.subject, event.result) == ("remote", None, "granted")


def test_home_assistant_s_words() -> None:
    (card,) = decode(
        f"{TOPIC}/tag", {"uid": "3d5a9c21", "username": "a", "access": "Always", "time": 1772324130}
    ).events
    assert (card.device, card.kind, card.result) == (f"esp-rfid:{TOPIC}", "access", "granted")
    (door,) = decode(f"{TOPIC}/io/door", b"ON").events
    assert (door.device, door.kind, door.state, door.time_quality) == (f"esp-rfid:{TOPIC}", "door", "open", "gateway")
    (there,) = decode(f"{TOPIC}/avty", b"online", retained=True).events
    assert (there.kind, there.state, there.retained) == ("availability", "online", True)
    with pytest.raises(BadMessage):
        decode(f"{TOPIC}/io/door", b"\xff\xfe")


def test_its_log_gives_doors_and_bells_and_nothing_else() -> None:
    said = {"type": "INFO", "src": "door", "desc": "Door Open", "data": "", "time": 1772324130, "cmd": "event"}
    (door,) = decode(f"{TOPIC}/send", {**said, "door": "unit-7"}).events
    assert (door.kind, door.state, door.point) == ("door", "open", "unit-7")
    assert decode(f"{TOPIC}/send", {**said, "src": "wifi", "desc": "WiFi is connected"}).events == []
    assert decode(f"{TOPIC}/accesslist", {"command": "userfile", "uid": "1234", "user": "x"}).events == []
    (odd,) = decode(f"{TOPIC}/send", {"type": "tamper", "level": 3}).events
    assert (odd.kind, odd.code, odd.raw_codes["level"]) == ("unknown", "tamper", 3)


def test_a_clock_that_was_never_set_is_not_believed() -> None:
    (event,) = decode(TOPIC, access(time=37), received_at=RECEIVED_AT).events
    assert (event.time, event.time_quality, event.device_time) == (None, "device_clock_bad", "37")
    local = datetime(2026, 3, 1, 8, 16, tzinfo=UTC).timestamp()  # the wall clock of the site, sent as if it were UTC
    (event,) = decode(TOPIC, access(time=local), received_at=RECEIVED_AT).events
    assert (event.time, event.time_quality) == (RECEIVED_AT, "assumed_zone")


def encode(args: dict[str, Any], hint: str, name: str = "door.open", topic: str = TOPIC) -> Any:
    return discover().encode(Command(name, f"esp-rfid:{topic}", "r1", RECEIVED_AT, args), SITE, hint)


def test_an_order_names_the_board_s_address() -> None:
    order = encode({"doorip": "192.0.2.71"}, f"{TOPIC}/send")
    assert isinstance(order, Publish)
    assert (order.topic, json.loads(order.payload)) == (f"{TOPIC}/cmd", {"cmd": "opendoor", "doorip": "192.0.2.71"})
    assert json.loads(encode({}, f"{TOPIC}/tag").payload) == {"cmd": "opendoor"}


@pytest.mark.parametrize(
    ("args", "hint", "topic"),
    [
        ({}, f"{TOPIC}/send", TOPIC),
        ({"doorip": "192.0.2.71"}, TOPIC, TOPIC),
        ({"doorip": "1"}, "", "a/#"),
        ({}, "", "/"),
    ],
)
def test_what_a_board_would_not_hear_is_refused(args: dict[str, Any], hint: str, topic: str) -> None:
    with pytest.raises(CannotEncode):
        encode(args, hint, topic=topic)
