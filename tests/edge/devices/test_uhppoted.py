"""uhppoted-mqtt: every reason a controller gives, both ways an event travels, answers, and requests."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.events import Event, is_replay, stream_of
from domain.ids import fact_id
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Site, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of

FEED, LIVE, REPLY = "uhppoted/gateway/events", "uhppoted/gateway/events/live", "uhppoted/reply/gw1"


def decode(body: Any, topic: str = LIVE, site: Site = SITE, **changes: Any) -> list[Event]:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return discover().decode(Message("uhppoted-mqtt", payload, topic, **changes), site).events


def record(**fields: Any) -> dict[str, Any]:
    """The recorded swipe with these fields instead, in hyphens; ``...`` leaves one out."""
    body = json_of("uhppoted-mqtt", "event-swipe-granted.json")
    inner = body["message"]["event"]["event"]
    inner.update({name.replace("_", "-"): value for name, value in fields.items()})
    body["message"]["event"]["event"] = {name: value for name, value in inner.items() if value is not ...}
    return body


def event(topic: str = LIVE, **fields: Any) -> Event:
    received_at = fields.pop("received_at", None)
    (found,) = decode(record(**fields), topic, received_at=received_at)
    return found


@pytest.mark.parametrize(
    ("reason", "result", "method", "word"),
    [
        (1, "granted", "card", "swipe"),
        (2, "granted", "card", "swipe_open"),
        (3, "granted", "card", "swipe_close"),
        (20, "granted", "button", "button"),
        (25, "granted", "pin", "supervisor_password"),
        (44, "granted", "remote", "remote_open"),
        (45, "granted", "remote", "remote_open_usb_reader"),
        (5, "denied", "card", "denied_by_system"),
        (6, "denied", "card", "no_permission"),
        (7, "denied", "pin", "wrong_password"),
        (8, "denied", "card", "anti_passback"),
        (9, "denied", "card", "more_cards_needed"),
        (10, "denied", "card", "first_card_needed"),
        (11, "denied", "card", "door_normally_closed"),
        (12, "denied", "card", "interlock"),
        (13, "denied", "card", "outside_time_period"),
        (15, "denied", "card", "invalid_time_period"),
        (18, "denied", "card", "denied"),
        (31, "denied", "button", "door_locked"),
        (32, "denied", "button", "controller_offline"),
        (33, "denied", "button", "interlock"),
        (34, "denied", "button", "threat"),
    ],
)
def test_who_was_let_in_and_why(reason: int, result: str, method: str, word: str) -> None:
    found = event(event_reason=reason, access_granted=result == "granted")
    assert (found.kind, found.result, found.method, found.reason) == ("access", result, method, word)
    assert (found.reason_code, found.direction) == (str(reason), "in")
    assert stream_of(found) == ("urgent" if result == "denied" else "routine")


@pytest.mark.parametrize(
    ("reason", "state"), [(23, "open"), (24, "closed"), (37, "held_open"), (38, "forced_open"), (40, "forced_closed")]
)
def test_what_a_door_did(reason: int, state: str) -> None:
    found = event(event_type=2, event_reason=reason, card_number=0)
    assert (found.kind, found.state, found.point, found.subject) == ("door", state, "door/1", None)
    assert (found.direction, found.result) == (None, None)


@pytest.mark.parametrize(("reason", "alarm"), [(39, "fire"), (41, "intrusion"), (42, "intrusion"), (43, "sos")])
def test_alarms(reason: int, alarm: str) -> None:
    found = event(event_type=3, event_reason=reason, card_number=0, access_granted=False)
    assert (found.kind, found.alarm, found.state) == ("alarm", alarm, "active")
    assert stream_of(found) == "urgent"


@pytest.mark.parametrize(("reason", "word"), [(28, "power_on"), (29, "reset")])
def test_a_restart_is_availability(reason: int, word: str) -> None:
    found = event(event_type=2, event_reason=reason, door_id=0, card_number=0)
    assert (found.kind, found.state, found.reason, found.point) == ("availability", "online", word, None)


def test_an_overwritten_record_is_a_loss_that_is_told() -> None:
    found = event(event_type=255, event_reason=0)
    assert (found.kind, found.code, found.raw_codes) == ("unknown", "overwritten", {"event-type": 255})


@pytest.mark.parametrize(("event_type", "kind"), [(1, "access"), (2, "unknown"), (3, "alarm"), (17, "unknown")])
def test_a_reason_of_newer_firmware_keeps_its_code(event_type: int, kind: str) -> None:
    found = event(event_type=event_type, event_reason=99, access_granted=False)
    assert (found.kind, found.reason, found.reason_code) == (kind, None, "99")
    assert found.raw_codes["event-type"] == event_type
    assert found.result == ("denied" if kind == "access" else None)


def test_an_empty_record_says_nothing() -> None:
    assert decode(record(event_type=0)) == []


def test_a_swipe_that_the_flag_denies_is_denied() -> None:
    assert event(event_reason=1, access_granted=False).result == "denied"
    assert event(event_reason=6, access_granted=True).result == "denied"
    assert event(event_reason=1, access_granted=...).result == "granted"
    assert event(event_reason=20, access_granted=False).result == "granted"


@pytest.mark.parametrize(("code", "word"), [(1, "in"), (2, "out"), ("2", "out"), (0, "unknown"), (..., "unknown")])
def test_direction_of_the_reader(code: object, word: str) -> None:
    assert event(direction=code).direction == word


def test_numbers_as_text_and_card_zero() -> None:
    found = event(device_id="405419896", event_id="69", event_type="1", card_number="8165537", event_reason="1")
    assert (found.device, found.source_event_id, found.reason) == ("uhppoted:405419896", "69", "swipe")
    assert event(card_number=0).subject is None
    assert event(card_number=...).subject is None


def test_live_and_feed_are_one_fact() -> None:
    live, feed = event(LIVE), event(FEED)
    assert fact_id(live) == fact_id(feed)
    assert fact_id(live) is not None
    assert fact_id(event(event_id=70)) != fact_id(live)


@pytest.mark.parametrize("abbreviation", ["CST", "UTC", "+08", "", "PST ", "-03:30"])
def test_the_zone_of_the_daemon_s_host_is_ignored(abbreviation: str) -> None:
    found = event(timestamp=f"2026-03-01 08:15:30 {abbreviation}", received_at=RECEIVED_AT)
    assert (found.time, found.time_quality) == (RECEIVED_AT - timedelta(seconds=30), "ok")


def test_the_site_s_zone_counts() -> None:
    (found,) = decode(record(timestamp="2026-03-01 01:15:30 CST"), site=Site(ZoneInfo("Europe/Berlin")))
    assert found.time == RECEIVED_AT - timedelta(seconds=30)


@pytest.mark.parametrize(
    "timestamp", ["0001-01-01 00:00:00 UTC", "9999-12-31 23:59:59", "2026-02-30 08:00:00 CST", "soon", 5]
)
def test_a_broken_clock_does_not_lose_the_event(timestamp: object) -> None:
    found = event(timestamp=timestamp, received_at=RECEIVED_AT)
    assert (found.time, found.time_quality, found.device_time) == (None, "device_clock_bad", str(timestamp))


@pytest.mark.parametrize("timestamp", ["", None, ...])
def test_no_clock_at_all(timestamp: object) -> None:
    assert event(timestamp=timestamp).time_quality == "gateway"


def test_a_controller_in_the_wrong_zone_is_corrected() -> None:
    found = event(LIVE, timestamp="2026-03-01 00:15:30 CST", received_at=RECEIVED_AT)
    assert (found.time, found.time_quality) == (RECEIVED_AT - timedelta(seconds=30), "assumed_zone")
    assert found.device_time == "2026-03-01 00:15:30 CST"


def test_a_backlog_of_the_feed_is_a_replay_and_live_is_a_bad_clock() -> None:
    old = {"timestamp": "2026-02-28 21:00:00 CST", "received_at": RECEIVED_AT}
    feed, live = event(FEED, **old), event(LIVE, **old)
    assert feed.time_quality == "replay"
    assert is_replay(feed)
    assert feed.time is not None
    assert (live.time, live.time_quality) == (None, "device_clock_bad")
    ahead = event(FEED, timestamp="2026-03-02 21:00:00 CST", received_at=RECEIVED_AT)
    assert ahead.time_quality == "device_clock_bad"


def test_a_record_may_come_unboxed() -> None:
    inner = record()["message"]["event"]["event"]
    assert decode({"message": {"event": inner}}) == decode(record())


@pytest.mark.parametrize(
    ("response", "ok"),
    [
        ({"device-id": 1, "door": 4, "opened": True}, True),
        ({"device-id": 1, "door": 4, "opened": False}, False),
        ({"device-id": 1, "card-number": 5, "deleted": False}, False),
        ({"device-id": 1, "enabled": False, "updated": True}, True),
        ({"devices": {}}, True),
        (None, True),
    ],
)
def test_an_answer_tells_whether_it_was_done(response: Any, ok: bool) -> None:
    reply = {"request-id": "r1", "method": "m", "response": response}
    (found,) = decode({"message": {"reply": reply}}, REPLY)
    assert (found.kind, found.ok, found.request_id, found.label) == ("command_result", ok, "r1", "m")


def test_an_answer_with_records_gives_them_too() -> None:
    inner = record()["message"]["event"]["event"]
    for response in ({"device-id": 1, "event": inner}, {"device-id": 1, "events": [inner, "damaged"]}):
        answer, fetched = decode({"message": {"reply": {"request-id": "r1", "response": response}}}, REPLY)
        assert answer.kind == "command_result"
        assert fact_id(fetched) == fact_id(event())


def test_an_error_has_its_code_and_words() -> None:
    (found,) = decode(json_of("uhppoted-mqtt", "reply-error.json"), REPLY)
    assert (found.code, found.text, found.label) == ("401", "Card 8165539 is not authorised", "open-door")


def test_an_alert_of_the_daemon_is_kept() -> None:
    alert = {"message": {"system": {"alert": {"subsystem": "health-check", "message": "1 error"}}}}
    reading = discover().decode(Message("uhppoted-mqtt", json.dumps(alert).encode(), "uhppoted/gateway/system"), SITE)
    (found,) = reading.events
    assert (found.kind, found.device, found.code, found.text) == ("unknown", "uhppoted-mqtt", "alert", "1 error")
    assert found.raw is not None
    assert [picture.sha256 for picture in reading.pictures] == [found.raw.sha256]


@pytest.mark.parametrize("part", ["event", "reply", "error", "system"])
def test_an_encrypted_message_is_refused_with_what_to_do(part: str) -> None:
    with pytest.raises(BadMessage, match=r"mqtt\.security"):
        decode({"message": {part: "bm90IGZvciB1cw==", "key": "a2V5"}})


@pytest.mark.parametrize("body", [{}, {"message": {}}, {"message": {"request": {}}}, {"message": {"event": {}}}])
def test_what_says_nothing_is_refused(body: Any) -> None:
    with pytest.raises(BadMessage):
        decode(body)
    with pytest.raises(BadMessage):
        decode(record(device_id=...))
    with pytest.raises(BadMessage):
        decode(record(event_id="first"))


def encode(name: str, hint: str = "", device: str = "uhppoted:405419896", **args: Any) -> tuple[str, dict[str, Any]]:
    publish = discover().encode(Command(name, device, "r1", RECEIVED_AT, args), SITE, hint)
    return publish.topic, json.loads(publish.payload)["message"]["request"]


def test_a_request_is_answered_where_we_listen() -> None:
    topic, request = encode("credential.delete", card=8165538)
    assert topic == "uhppoted/gateway/requests/device/card:delete"
    assert request == {
        "client-id": "gatehouse",
        "request-id": "r1",
        "reply-to": "uhppoted/reply/gatehouse",
        "device-id": 405419896,
        "card-number": 8165538,
    }


@pytest.mark.parametrize(
    ("hint", "root"),
    [(LIVE, "uhppoted/gateway"), ("gate/7/system", "gate/7"), (REPLY, "uhppoted/gateway"), ("", "uhppoted/gateway")],
)
def test_the_daemon_s_own_topics_are_used(hint: str, root: str) -> None:
    assert encode("door.open", hint, point="door/1", card=1)[0] == f"{root}/requests/device/door/lock:open"


def test_rights_to_doors() -> None:
    dates = ("2026-01-01", "2026-12-31")
    card = encode("credential.put", card="7", valid=dates, doors={1: True, "2": 55, "3": "profile:2"}, pin=1234)[1][
        "card"
    ]
    assert card["doors"] == {"1": True, "2": 55, "3": 2, "4": False}
    assert (card["card-number"], card["start-date"], card["end-date"], card["PIN"]) == (7, *dates, 1234)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("door.open", {"point": "door/1"}),
        ("door.open", {"card": 1}),
        ("door.open", {"point": "door/5", "card": 1}),
        ("door.open", {"point": "gate", "card": 1}),
        ("door.open", {"point": "door/1", "card": 0}),
        ("credential.delete", {"card": 2**32}),
        ("credential.put", {"card": 1, "valid": ["2026-01-01"], "doors": {"1": True}}),
        ("credential.put", {"card": 1, "valid": ["2026-01-02", "2026-01-01"], "doors": {"1": True}}),
        ("credential.put", {"card": 1, "valid": ["2026-01-01", "soon"], "doors": {"1": True}}),
        ("credential.put", {"card": 1, "valid": ["2026-01-01", "2026-01-02"], "doors": {}}),
        ("credential.put", {"card": 1, "valid": ["2026-01-01", "2026-01-02"], "doors": {"5": True}}),
        ("credential.put", {"card": 1, "valid": ["2026-01-01", "2026-01-02"], "doors": {"1": "always"}}),
        ("credential.put", {"card": 1, "valid": ["2026-01-01", "2026-01-02"], "doors": {"1": 255}}),
        ("barrier.open", {}),
    ],
)
def test_what_does_not_fit_is_refused(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode, match=name.replace(".", r"\.")):
        encode(name, **args)


@pytest.mark.parametrize("device", ["uhppoted:", "uhppoted:front", "uhppoted:0", "uhppoted"])
def test_a_controller_is_a_number(device: str) -> None:
    with pytest.raises(CannotEncode):
        encode("door.open", device=device, point="door/1", card=1)
