"""A child that sees is not trusted: what it says is of its own camera, of kinds that eyes may tell, and of a size."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from edge.devices._camera_words import Shot, Told
from edge.devices.driver import BadMessage, Message, Reading, discover
from tests.edge.devices.samples import SITE, sample

AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)


def read(sender: str = "north-gate", **fields: Any) -> Reading:
    shots = fields.pop("shots", ())
    rest = fields.pop("rest", False)
    told = Told(device="camera:north-gate", id="7f", at=AT, fields=fields, shots=shots, rest=rest)
    return discover().decode(Message("camera", msgspec.msgpack.encode(told), sender=sender), SITE)


def test_the_connection_says_whose_words_they_are() -> None:
    assert read(sender="south", kind="detection").events[0].device == "camera:south"


@pytest.mark.parametrize(
    "field", ["device", "media", "recorded_at", "request_id", "retained", "raw", "source_event_id"]
)
def test_what_is_not_the_eyes_to_say_is_refused(field: str) -> None:
    with pytest.raises(BadMessage, match=field):
        read(kind="detection", **{field: "x"})


@pytest.mark.parametrize("kind", ["access", "door", "barrier", "command_result", "watch_hit", "charging", None, 7])
def test_a_camera_opens_nothing_and_answers_no_order(kind: Any) -> None:
    with pytest.raises(BadMessage):
        read(kind=kind)


@pytest.mark.parametrize("value", [-0.1, 1.5, "sure"])
def test_a_confidence_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(BadMessage):
        read(kind="detection", confidence=value)


def test_a_number_that_is_none_is_left_out() -> None:
    assert read(kind="detection", confidence=float("inf")).events[0].confidence is None


@pytest.mark.parametrize(
    "shot", [Shot("face", "image/jpeg", b"x"), Shot("scene", "text/html", b"x"), Shot("scene", "image/jpeg", b"")]
)
def test_a_picture_of_another_kind_is_refused(shot: Shot) -> None:
    with pytest.raises(BadMessage):
        read(kind="detection", shots=(shot,))


def test_what_is_as_it_should_be_is_no_event_of_its_own() -> None:
    reading = read(kind="alarm", alarm="tamper", state="cleared", phase="end", rest=True)
    assert (reading.events, [event.state for event in reading.at_rest]) == ([], ["cleared"])


def test_a_state_has_no_number_and_a_thing_has() -> None:
    states = discover().decode(sample("camera", "covered.hex").message(), SITE).events
    things = discover().decode(sample("camera", "person.hex").message(), SITE).events
    assert [event.source_event_id for event in (*states, *things)] == [None, "7f3a"]
