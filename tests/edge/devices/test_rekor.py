"""Rekor: versions of a group, frames, agents with many cameras, and addresses that hold passwords."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.events import encode_event
from domain.ids import fact_id
from edge.devices.driver import BadMessage, Message, Reading, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
START_MS = 1772324130208


def decode(body: Any, **changes: Any) -> Reading:
    return discover().decode(Message("openalpr-rekor", json.dumps(body).encode(), "/rekor", **changes), SITE)


def group(**changed: Any) -> dict[str, Any]:
    return {**json_of("openalpr-rekor", "alpr-group.json"), **changed}


def test_a_newer_group_says_the_same_in_other_fields() -> None:
    newer = group(best_plate_number="粤B8K6Q2", best_confidence=88.5, best_uuid="u-9", travel_direction=182.5)
    del newer["best_plate"]
    newer["vehicle_crop_jpeg"] = b64encode(JPEG).decode()
    reading = decode(newer)
    (event,) = reading.events
    assert event.subject is not None
    assert (event.subject.id, event.confidence, event.source_event_id) == ("粤B8K6Q2", 0.885, "u-9")
    assert event.ext == {"travel_degrees": 182.5}
    assert [kept.body for kept in reading.pictures] == [JPEG]


def test_a_group_that_is_sent_again_is_the_same_fact() -> None:
    once, again = decode(group()).events[0], decode(group(epoch_end=START_MS + 9000)).events[0]
    assert fact_id(once) == fact_id(again)
    assert fact_id(once) != fact_id(decode(group(uuids=["other"])).events[0])


def test_the_end_moves_with_a_beginning_that_was_corrected() -> None:
    hours = 8 * 3600 * 1000
    (event,) = decode(
        group(epoch_start=START_MS + hours, epoch_end=START_MS + hours + 1000), received_at=RECEIVED_AT
    ).events
    assert (event.time_quality, event.time) == ("assumed_zone", datetime(2026, 3, 1, 0, 15, 30, 208000, tzinfo=UTC))
    assert event.time is not None and event.ended_at == event.time + timedelta(seconds=1)
    (bad,) = decode(group(epoch_start=1000, epoch_end=2000), received_at=RECEIVED_AT).events
    assert (bad.time, bad.ended_at, bad.time_quality) == (None, None, "device_clock_bad")


@pytest.mark.parametrize(
    ("confidence", "share"), [(92.5, 0.925), ("92.5", 0.925), (101, None), (-1, None), (None, None)]
)
def test_confidence_is_percent(confidence: Any, share: float | None) -> None:
    (event,) = decode(group(best_plate={"plate": "A13709", "confidence": confidence})).events
    assert event.confidence == share


def test_frames_are_readings_each_under_its_own_number() -> None:
    frames = {"data_type": "alpr_results", "epoch_time": START_MS, "uuid": "f-1", "camera_id": 7}
    body = {**frames, "results": [{"plate": "A1", "confidence": 50}, {"plate": "B2"}]}
    assert [(e.device, e.source_event_id) for e in decode(body).events] == [("rekor:7", "f-1/0"), ("rekor:7", "f-1/1")]
    assert decode({**frames, "results": []}) == Reading([])


def test_an_agent_and_its_cameras_without_their_addresses() -> None:
    streams = [
        {"camera_id": 7, "is_streaming": True, "url": "rtsp://admin:s3cret@192.0.2.9/"},  # pragma: allowlist secret
        {"camera_id": 8, "is_streaming": False},
        {"camera_id": 9},
    ]
    events = decode(
        {"data_type": "heartbeat", "agent_hostname": "lpr-box", "camera_id": 1, "video_streams": streams}
    ).events
    assert [(e.device, e.state) for e in events] == [
        ("rekor:lpr-box", "online"),
        ("rekor:7", "online"),
        ("rekor:8", "offline"),
    ]
    assert not any(b"s3cret" in encode_event(event) for event in events)


def test_what_is_no_passage() -> None:
    (car,) = decode({"data_type": "vehicle", "camera_id": 7, "epoch_start": START_MS, "best_uuid": "v-1"}).events
    assert (car.kind, car.label) == ("detection", "vehicle")
    (odd,) = decode(
        {"data_type": "alpr_alert", "company_id": "c", "list_name": "x", "camera_url": "rtsp://a:b@c"}
    ).events
    assert (odd.kind, odd.code, odd.raw_codes["list_name"]) == ("unknown", "alpr_alert", "x")


def test_a_group_of_nothing_is_refused() -> None:
    for body in ({"data_type": "alpr_group", "camera_id": 7}, {"camera_id": 7}, {**group(), "camera_id": None}):
        if body.get("data_type") and "best_plate" in body:
            assert decode(body).events[0].device.startswith("rekor:44c9274f")
        else:
            with pytest.raises(BadMessage):
                decode(body)


def test_it_is_answered() -> None:
    answer = discover().answer(Message("openalpr-rekor", json.dumps(group()).encode(), "/rekor"), SITE)
    assert answer is not None and (answer.status, answer.payload) == (200, b"OK")
