"""Plate Recognizer Stream's webhook: forms and plain JSON, two shapes of a result, pictures, times, signs of life."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from edge.devices.driver import BadMessage, Message, Reading, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE

JPEG, PLATE_JPEG = b"\xff\xd8\xff\xe0\r\n--not a boundary\r\n\r\n", b"\xff\xd8\xff\xe1plate"
AT = datetime(2026, 3, 1, 0, 15, 30, 606935, tzinfo=UTC)


def webhook(*results: Any, **data: Any) -> dict[str, Any]:
    """As guides.platerecognizer.com/docs/stream/results shows it, with a plate of ours."""
    car = {
        "box": {"xmin": 460, "ymin": 57, "xmax": 557, "ymax": 82},
        "plate": "粤b8k6q2",
        "region": {"code": "cn", "score": 0.413},
        "score": 0.839,
        "candidates": [{"score": 0.839, "plate": "粤b8k6q2"}],
        "dscore": 0.441,
        "vehicle": {"score": 0.267, "type": "Sedan", "box": {"xmin": 387, "ymin": 23, "xmax": 1493, "ymax": 577}},
        "direction": 210,
    }
    name = "gate_screenshots/26-03-01/00-15-30.606935.jpg"
    return {
        "hook": {"target": "http://192.0.2.1/", "id": "gate", "event": "recognition", "filename": name},
        "data": {
            "camera_id": "gate",
            "filename": name,
            "timestamp": "2026-03-01T00:15:30.606935Z",
            "timestamp_local": "2026-03-01 08:15:30.606935+08:00",
            "results": list(results) or [car],
            **data,
        },
    }


def form(body: dict[str, Any], *pictures: bytes, boundary: bytes = b"----b1", end: bytes = b"\r\n") -> bytes:
    parts = [b'Content-Disposition: form-data; name="json"', b"", json.dumps(body).encode()]
    lines = [b"--" + boundary, *parts]
    for body_bytes in pictures:
        head = b'Content-Disposition: form-data; name="upload"; filename="a.jpg"'
        lines += [b"--" + boundary, head, b"Content-Type: image/jpeg", b"", body_bytes]
    return end.join([*lines, b"--" + boundary + b"--", b""])


def decode(payload: bytes, **changes: Any) -> Reading:
    return discover().decode(Message("platerecognizer", payload, "/platerecognizer", **changes), SITE)


@pytest.mark.parametrize(
    "wrap", [lambda b: json.dumps(b).encode(), form, lambda b: urlencode({"json": json.dumps(b)}).encode()]
)
def test_one_car_however_it_is_wrapped(wrap: Any) -> None:
    (event,) = decode(wrap(webhook())).events
    assert event.subject is not None
    assert (event.kind, event.device, event.subject.id) == ("plate", "platerecognizer:gate", "粤B8K6Q2")
    assert (event.time, event.time_quality, event.confidence) == (AT, "ok", 0.839)
    assert event.ext == {"travel_degrees": 210}
    assert event.source_event_id == "gate_screenshots/26-03-01/00-15-30.606935.jpg/0"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_pictures_come_whole_and_once(end: bytes) -> None:
    reading = decode(form(webhook(), JPEG, PLATE_JPEG, JPEG, end=end))
    assert [kept.body for kept in reading.pictures] == [JPEG, PLATE_JPEG]
    assert [entry.role for entry in reading.events[0].media] == ["scene", "plate"]


def test_the_newer_shape_of_a_result() -> None:
    props = {"plate": [{"value": "粤b8k6q2", "score": 0.9}, {"value": "粤b8k602", "score": 0.2}]}
    boxed = {
        "plate": {"type": "Plate", "score": 0.7, "box": {}, "props": props},
        "vehicle": {"type": "SUV"},
        "direction": "",
    }
    unread = {"plate": None, "vehicle": {"type": "SUV"}}
    first, second = decode(json.dumps(webhook(boxed, unread)).encode()).events
    assert first.subject is not None and second.subject is not None
    assert (first.subject.id, first.confidence, first.ext) == ("粤B8K6Q2", 0.9, {})
    assert (second.subject.id, second.subject.plate_status) == (None, "unreadable")


@pytest.mark.parametrize(
    ("changed", "time", "quality"),
    [
        ({"timestamp": "2026-03-01T00:15:30.606935"}, AT, "ok"),
        ({"timestamp": ""}, AT, "ok"),
        ({"timestamp": "2026-03-01T08:15:30.606935Z"}, AT, "assumed_zone"),
        ({"timestamp": "1970-01-01T00:00:01Z", "timestamp_local": ""}, None, "device_clock_bad"),
        ({"timestamp": "2099-01-01T00:00:01Z"}, None, "device_clock_bad"),
        ({"timestamp": "", "timestamp_local": ""}, None, "gateway"),
    ],
)
def test_clocks(changed: dict[str, str], time: datetime | None, quality: str) -> None:
    (event,) = decode(json.dumps(webhook(**changed)).encode(), received_at=RECEIVED_AT).events
    assert (event.time, event.time_quality) == (time, quality)


def test_signs_of_life_and_what_nobody_knows() -> None:
    for status, state in ((None, "online"), ("running", "online"), ("offline", "offline")):
        body = {"hook": {"event": "camera_status", "id": "gate"}, "data": {"camera_id": "gate", "status": status}}
        assert [e.state for e in decode(json.dumps(body).encode()).events] == [state]
    odd = {
        "hook": {"event": "dwell", "id": "gate"},
        "data": {"camera_id": "gate", "seconds": 40, "license_token": "t0k"},
    }
    reading = decode(json.dumps(odd).encode())
    (event,) = reading.events
    assert (event.kind, event.code, event.raw_codes) == ("unknown", "dwell", {"camera_id": "gate", "seconds": 40})
    assert event.raw is None and not reading.pictures  # it holds a key


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"--",
        b"--b\r\n",
        form({}),
        form(webhook())[:40],
        b"json=",
        b"json=%ff",
        b"json={",
        b'{"data":{"results":[]}}',
    ],
)
def test_what_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(payload)
