"""Frigate: changes that matter, known plates, chatter, pictures, and clocks of things that last."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.ids import content_name, fact_id
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Reading, discover
from tests.edge.devices.samples import SITE, json_of

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
START = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)


def decode(topic: str, body: Any, **changes: Any) -> Reading:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return discover().decode(Message("frigate", payload, topic, **changes), SITE)


def change(phase: str = "update", file: str = "event-new-person.json", **after: Any) -> dict[str, Any]:
    """A recorded object, changed on its later side only."""
    body = json_of("frigate", file)
    body["type"] = phase
    body["after"].update(after)
    return body


def kinds(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(event.kind, event.phase) for event in decode("frigate/events", body).events]


@pytest.mark.parametrize(
    "after", [{}, {"frame_time": 1772324199.5}, {"score": 0.9}, {"box": [1, 2, 3, 4]}, {"area": 7}, {"top_score": 0.99}]
)
def test_a_better_frame_is_no_event(after: dict[str, Any]) -> None:
    assert kinds(change(**after)) == []


@pytest.mark.parametrize(
    "after", [{"entered_zones": ["yard"]}, {"stationary": True}, {"sub_label": ["John", 0.8]}, {"label": "dog"}]
)
def test_a_change_that_matters_is_an_update(after: dict[str, Any]) -> None:
    assert kinds(change(**after)) == [("detection", "update")]


def test_a_name_s_score_alone_is_no_change() -> None:
    body = change(sub_label=["John", 0.9])
    body["before"]["sub_label"] = ["John", 0.7]
    assert kinds(body) == []


def test_updates_of_one_object_are_facts_of_their_own() -> None:
    first, second = (
        decode("frigate/events", change(frame_time=time, entered_zones=zones)).events[0]
        for time, zones in ((1772324131.5, ["a"]), (1772324132.5, ["a", "b"]))
    )
    assert fact_id(first) != fact_id(second)
    assert first.time == START + timedelta(seconds=1.5)


def test_a_false_positive_is_nothing() -> None:
    assert kinds(change("end", false_positive=True)) == []


def test_a_plate_counts_once_and_again_when_it_is_read_otherwise() -> None:
    plate = {"file": "event-update-car-plate.json"}
    assert kinds(change(**plate)) == [("plate", "instant")]
    same = change(**plate)
    same["before"]["recognized_license_plate"] = "粤B8K6Q2"
    assert kinds(same) == []
    same["after"]["recognized_license_plate"] = "粤B8K602"
    assert kinds(same) == [("plate", "instant")]


def test_a_new_car_whose_plate_is_known_gives_both() -> None:
    assert kinds(change("new", "event-update-car-plate.json")) == [("plate", "instant"), ("detection", "start")]


@pytest.mark.parametrize(("sub_label", "score"), [(["粤B8K6Q2", 0.9], 0.9), ("粤B8K6Q2", None)])
def test_a_known_plate_is_in_the_sub_label(sub_label: Any, score: float | None) -> None:
    body = change(file="event-update-car-plate.json", recognized_license_plate=None, sub_label=sub_label)
    plate, _update = decode("frigate/events", body).events
    assert plate.subject is not None
    assert (plate.subject.id, plate.confidence) == ("粤B8K6Q2", score)


def test_a_known_plate_with_a_name_names_the_car() -> None:
    body = change(file="event-update-car-plate.json", recognized_license_plate=None, sub_label=["Wang's car", 0.9])
    (update,) = decode("frigate/events", body).events
    assert update.subject is not None
    assert (update.kind, update.subject.type, update.subject.name) == ("detection", "object", "Wang's car")


def test_the_same_plate_on_both_topics_is_one_fact() -> None:
    (event,) = decode("frigate/events", json_of("frigate", "event-update-car-plate.json")).events
    (update,) = decode("frigate/tracked_object_update", json_of("frigate", "tracked-lpr.json")).events
    assert fact_id(event) == fact_id(update)
    assert fact_id(event) is not None


def test_an_end_after_hours_keeps_its_beginning() -> None:
    end = START + timedelta(hours=3)
    body = change("end", "event-end-person.json", end_time=end.timestamp())
    (event,) = decode("frigate/events", body, received_at=end + timedelta(seconds=1)).events
    assert (event.time, event.ended_at, event.time_quality) == (START, end, "ok")


def test_a_recorder_in_the_wrong_zone_is_corrected_at_both_ends() -> None:
    wrong = timedelta(hours=8)
    body = change(
        "end",
        "event-end-person.json",
        start_time=(START + wrong).timestamp(),
        end_time=(START + wrong).timestamp() + 60,
    )
    (event,) = decode("frigate/events", body, received_at=START + timedelta(seconds=61)).events
    assert (event.time, event.ended_at) == (START, START + timedelta(seconds=60))
    assert event.time_quality == "assumed_zone"


def test_a_recorder_without_a_clock_gives_no_times() -> None:
    body = change("end", "event-end-person.json")
    (event,) = decode("frigate/events", body, received_at=START + timedelta(days=40)).events
    assert (event.time, event.ended_at, event.time_quality) == (None, None, "device_clock_bad")


@pytest.mark.parametrize("camera", ["lift", "building3_elevator", "Lift-2", "elevator_12"])
def test_a_bicycle_in_a_lift_is_what_the_patrol_looks_for(camera: str) -> None:
    (event,) = decode("frigate/events", change("new", camera=camera, label="motorcycle")).events
    assert (event.label, event.reason_code) == ("ebike_in_elevator", "motorcycle")


@pytest.mark.parametrize(
    ("camera", "label"), [("lift_lobby", "bicycle"), ("shoplifter", "bicycle"), ("lift", "person")]
)
def test_anything_else_keeps_its_label(camera: str, label: str) -> None:
    (event,) = decode("frigate/events", change("new", camera=camera, label=label)).events
    assert (event.label, event.reason_code) == (label, None)


def review(phase: str, severity: str, detections: list[str], **more: Any) -> dict[str, Any]:
    body = json_of("frigate", "review-end.json")
    body["type"] = phase
    body["after"].update({"severity": severity, "end_time": None, **more})
    body["after"]["data"]["detections"] = detections
    return body


def test_updates_of_a_review_are_facts_of_their_own() -> None:
    first, later = "1772324130.123456-mxklsc", "1772324190.5-abcdef"
    steps = [("alert", [first]), ("alert", [first, later]), ("detection", [first])]
    ids = {fact_id(decode("frigate/reviews", review("update", *step)).events[0]) for step in steps}
    assert len(ids) == len(steps)
    (event,) = decode("frigate/reviews", review("update", "alert", [first, later])).events
    assert (event.time, event.state, event.severity) == (START + timedelta(seconds=60.5), "alert", "alert")


def test_a_review_that_says_the_same_again_is_no_event() -> None:
    body = review("update", "alert", [])
    body["before"] = body["after"]
    assert decode("frigate/reviews", body).events == []


def test_what_is_said_about_an_object_afterwards() -> None:
    topic = "frigate/tracked_object_update"
    (face,) = decode(topic, json_of("frigate", "tracked-face.json") | {"name": "测试住户甲"}).events
    assert face.subject is not None
    assert (face.subject.type, face.subject.name, face.confidence) == ("person", "测试住户甲", 0.41)
    (text,) = decode(topic, {"type": "description", "id": "1-a", "description": "a red car"}).events
    assert (text.device, text.label, text.text, text.time_quality) == ("frigate", "description", "a red car", "gateway")
    said = {
        "type": "classification",
        "id": "1-a",
        "camera": "lobby",
        "model": "helmet",
        "attribute": "yes",
        "score": 0.92,
    }
    (worn,) = decode(topic, said).events
    assert (worn.device, worn.label, worn.rule, worn.value) == ("frigate:lobby", "classification", "helmet", "yes")


def test_an_update_of_a_later_version_is_kept_as_unknown() -> None:
    reading = decode("frigate/tracked_object_update", {"type": "pose", "id": "1-a", "camera": "lobby", "pose": "sits"})
    (event,) = reading.events
    assert (event.kind, event.code, event.raw_codes["pose"]) == ("unknown", "pose", "sits")
    assert event.raw is not None
    assert reading.pictures[0].sha256 == event.raw.sha256


def test_a_trigger_names_its_rule() -> None:
    said = {"name": "ladder", "camera": "yard", "event_id": "1-a", "type": "thumbnail", "score": 0.85}
    (event,) = decode("frigate/triggers", said).events
    assert (event.label, event.rule, event.source_event_id, event.confidence) == ("trigger", "ladder", "1-a", 0.85)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("frigate/stats", b'{"cpu": 1}'),
        ("frigate/lobby/person", b"2"),
        ("frigate/lobby/all", b"0"),
        ("frigate/lobby/person/active", b"1"),
        ("frigate/lobby/detect/state", b"ON"),
        ("frigate/lobby/detect/set", b"OFF"),
        ("frigate/lobby/motion/state", b"ON"),
        ("frigate/lobby/motion/set", b"ON"),
        ("frigate/lobby/audio/state", b"OFF"),
        ("frigate/lobby/audio/all", b"ON"),
        ("frigate/lobby/audio/dBFS", b"-31.5"),
        ("frigate/lobby/snapshots/set", b"ON"),
        ("frigate/lobby/ptz", b"STOP"),
        ("frigate/restart", b"restart"),
        ("frigate/onConnect", b""),
        ("frigate/camera_activity", b"{}"),
        ("frigate/notifications/state", b"ON"),
        ("frigate/lobby/person/snapshot", b""),
    ],
)
def test_chatter_is_valid_and_says_nothing(topic: str, payload: bytes) -> None:
    assert decode(topic, payload) == Reading([])


@pytest.mark.parametrize(
    ("payload", "state", "reason"), [(b"online\n", "online", None), (b"stopped", "offline", "stopped")]
)
def test_the_recorder_itself(payload: bytes, state: str, reason: str | None) -> None:
    (event,) = decode("frigate/available", payload, retained=True).events
    assert (event.device, event.state, event.reason, event.retained) == ("frigate", state, reason, True)


def test_motion_and_sounds_begin_and_end() -> None:
    (off,) = decode("frigate/lobby/motion", b"OFF").events
    (scream,) = decode("frigate/lobby/audio/scream", b"ON").events
    assert (off.label, off.phase, off.time_quality) == ("motion", "end", "gateway")
    assert (scream.label, scream.phase, scream.trigger) == ("scream", "start", "audio")


def test_a_classified_state() -> None:
    (event,) = decode("frigate/yard/classification/gate", b"open").events
    assert (event.label, event.state, event.phase) == ("gate", "open", "update")


def test_a_snapshot_is_a_picture_of_a_label() -> None:
    reading = decode("frigate/lobby/person/snapshot", JPEG, retained=True)
    (event,) = reading.events
    assert (event.kind, event.device, event.label, event.phase) == ("detection", "frigate:lobby", "person", "update")
    assert (event.time, event.time_quality) == (None, "gateway")
    (media,) = event.media
    assert (media.role, media.type, media.bytes, media.sha256) == ("scene", "image/jpeg", len(JPEG), content_name(JPEG))
    assert [(picture.sha256, picture.body) for picture in reading.pictures] == [(media.sha256, JPEG)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("", b"ON"),
        ("frigate", b"ON"),
        ("frigate/lobby/person/snapshot", b"no picture"),
        ("frigate/lobby/motion", b"MAYBE"),
        ("frigate/lobby/motion", b"\xff\xfe"),
        ("frigate/available", b"perhaps"),
        ("frigate/lobby/status/detect", b""),
        ("frigate/lobby/status/detect", b"x" * 100),
        ("frigate/events", b'{"type": "new", "after": {"id": "1-a"}}'),
        ("frigate/events", b'{"type": "new"}'),
        ("frigate/events", b'{"type": "gone", "after": {}}'),
        ("frigate/reviews", b'{"type": "end", "after": {"id": "r1"}}'),
        ("frigate/tracked_object_update", b'{"type": "lpr"}'),
        ("frigate/triggers", b"{}"),
    ],
)
def test_what_is_damaged_is_refused(topic: str, payload: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(topic, payload)


def test_detection_and_recording_are_switched() -> None:
    registry = discover()
    for name, on, hint, topic in (
        ("camera.detect", True, "", "frigate/lobby/detect/set"),
        ("camera.recordings", False, "nvr2/events", "nvr2/lobby/recordings/set"),
    ):
        publish = registry.encode(Command(name, "frigate:lobby", "r1", START, {"on": on}), SITE, hint)
        assert (publish.topic, publish.payload) == (topic, b"ON" if on else b"OFF")


@pytest.mark.parametrize(
    ("device", "args"),
    [
        ("frigate:", {"on": True}),
        ("frigate:a/b", {"on": True}),
        ("frigate:lobby", {"on": "yes"}),
        ("frigate:lobby", {}),
    ],
)
def test_a_switch_that_does_not_fit_is_refused(device: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode):
        discover().encode(Command("camera.detect", device, "r1", START, args), SITE)
