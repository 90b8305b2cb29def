"""The simulated door controller speaks as the recorded one behind uhppoted-mqtt does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from simulators.devices import uhppoted
from simulators.devices.message import DeviceMessage
from tests.simulators.shapes import keys, same_kinds, sample

ZONE = ZoneInfo("Asia/Shanghai")
REQUESTS = "uhppoted/gateway/requests"


def controller(first_event: int = 69) -> uhppoted.Controller:
    return uhppoted.Controller(405419896, ZONE, first_event, cards=frozenset({8165537, 8165538}))


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 3, 1, hour, minute, second, tzinfo=UTC)


def event(message: DeviceMessage) -> dict:
    return json.loads(message.payload)["message"]["event"]["event"]


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        (controller(69).swipe(1, 8165537, uhppoted.IN, at(0, 15, 30)), "event-swipe-granted.json"),
        (controller(70).swipe(2, 10058400, uhppoted.IN, at(0, 16, 2), uhppoted.NO_RIGHTS), "event-swipe-denied.json"),
        (controller(71).alarm(1, uhppoted.FORCED_OPEN, at(0, 17, 10)), "event-door-forced.json"),
    ],
)
def test_says_exactly_what_the_sample_says(messages: list[DeviceMessage], name: str) -> None:
    theirs = sample("uhppoted-mqtt", name)
    assert [json.loads(message.payload) for message in messages] == [theirs, theirs]


def test_each_event_comes_live_and_in_the_feed() -> None:
    topics = [message.topic for message in controller().door(1, uhppoted.DOOR_OPENED, at(0, 0, 0))]
    assert topics == ["uhppoted/gateway/events/live", "uhppoted/gateway/events"]


def test_events_are_numbered_one_by_one() -> None:
    one = controller(5)
    numbers = [event(one.door(1, uhppoted.DOOR_CLOSED, at(0, 0, second))[0])["event-id"] for second in range(4)]
    assert numbers == [5, 6, 7, 8]


def test_the_daemon_s_sign_of_life() -> None:
    ours = json.loads(controller().system_alive().payload)
    assert ours == sample("uhppoted-mqtt", "system-alive.json")


def test_an_opened_door_is_answered_and_told() -> None:
    request = json.dumps(sample("uhppoted-mqtt", "cmd-open-door.json")).encode()
    reply, *told = controller(72).answer(f"{REQUESTS}/device/door/lock:open", request, at(0, 18, 0))
    assert reply.topic == "uhppoted/reply/gw1"
    assert json.loads(reply.payload) == sample("uhppoted-mqtt", "reply-open-door.json")
    theirs = sample("uhppoted-mqtt", "event-remote-open.json")["message"]["event"]["event"]
    assert event(told[0]) == {**theirs, "door-id": 4, "card-number": 8165538}


def test_a_card_that_is_not_allowed_opens_nothing() -> None:
    request = sample("uhppoted-mqtt", "cmd-open-door.json")
    request["message"]["request"] |= {"card-number": 8165539, "request-id": "AH173635G4"}
    [reply] = controller().answer(f"{REQUESTS}/device/door/lock:open", json.dumps(request).encode(), at(0, 0, 0))
    assert json.loads(reply.payload) == sample("uhppoted-mqtt", "reply-error.json")


def test_a_card_that_was_put_opens() -> None:
    one = uhppoted.Controller(405419896, ZONE)
    put = json.dumps(sample("uhppoted-mqtt", "cmd-put-card.json")).encode()
    open_door = json.dumps(sample("uhppoted-mqtt", "cmd-open-door.json")).encode()
    assert len(one.answer(f"{REQUESTS}/device/door/lock:open", open_door, at(0, 0, 0))) == 1
    [reply] = one.answer(f"{REQUESTS}/device/card:put", put, at(0, 0, 1))
    assert json.loads(reply.payload)["message"]["reply"]["method"] == "put-card"
    assert len(one.answer(f"{REQUESTS}/device/door/lock:open", open_door, at(0, 0, 2))) == 3


def test_it_answers_errors_in_the_shape_of_one_and_stays_silent_for_what_it_cannot_read() -> None:
    unknown = b'{"message": {"request": {"client-id": "gw1", "request-id": "1", "device-id": 1}}}'
    [reply] = controller().answer(f"{REQUESTS}/device:get", unknown, at(0, 0, 0))
    ours, theirs = json.loads(reply.payload), sample("uhppoted-mqtt", "reply-error.json")
    assert keys(ours) == keys(theirs)
    assert same_kinds(ours, theirs) == []
    assert reply.topic == "uhppoted/gateway/replies/gw1"
    assert controller().answer(f"{REQUESTS}/device:get", b"{", at(0, 0, 0)) == []
