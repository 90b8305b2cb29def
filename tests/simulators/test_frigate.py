"""The simulated recorder speaks as the recorded Frigate does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from simulators.devices import frigate
from simulators.devices.message import DeviceMessage
from tests.simulators.shapes import keys, same_kinds, sample

AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
PERSON = frigate.Tracked(camera="lobby", label="person", started_at=AT, suffix="mxklsc")
IN_ZONE = msgspec.structs.replace(PERSON, zones=("lobby_door",), seen_at=AT + timedelta(seconds=1))
GONE = msgspec.structs.replace(IN_ZONE, ended_at=AT + timedelta(seconds=12))


def body(message: DeviceMessage) -> Any:
    return json.loads(message.payload)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (frigate.event("new", PERSON, PERSON), "event-new-person.json"),
        (frigate.event("end", PERSON, GONE), "event-end-person.json"),
        (frigate.review("end", "r1", PERSON, GONE), "review-end.json"),
        (frigate.recognized_plate(PERSON, "粤B8K6Q2", 0.95, AT), "tracked-lpr.json"),
    ],
)
def test_has_the_keys_and_kinds_of_the_sample(message: DeviceMessage, name: str) -> None:
    theirs = sample("frigate", name)
    assert keys(body(message)) == keys(theirs)
    assert same_kinds(body(message), theirs) == []
    assert body(message)["type"] == theirs["type"]


def test_an_object_keeps_its_id_and_ends_once() -> None:
    new, end = body(frigate.event("new", PERSON, PERSON)), body(frigate.event("end", PERSON, GONE))
    assert new["after"]["id"] == end["after"]["id"] == f"{AT.timestamp():.6f}-mxklsc"
    assert (new["after"]["end_time"], end["after"]["end_time"]) == (None, AT.timestamp() + 12)
    with pytest.raises(ValueError, match="two objects"):
        frigate.event("update", PERSON, msgspec.structs.replace(PERSON, suffix="other1"))


def test_a_review_becomes_an_alert_in_a_zone() -> None:
    told = body(frigate.review("update", "r1", PERSON, IN_ZONE))
    assert (told["before"]["severity"], told["after"]["severity"]) == ("detection", "alert")


def test_a_snapshot_is_a_retained_picture_under_its_camera_and_label() -> None:
    message = frigate.snapshot("yard", "person", b"\xff\xd8\xff")
    assert message == DeviceMessage("frigate/yard/person/snapshot", b"\xff\xd8\xff", retained=True)


def test_availability_and_states_are_plain_words() -> None:
    assert frigate.available("offline") == DeviceMessage("frigate/available", b"offline", retained=True)
    assert frigate.motion("lobby", True) == DeviceMessage("frigate/lobby/motion", b"ON")
    assert frigate.camera_status("lobby", "detect", "offline").topic == "frigate/lobby/status/detect"
