"""What every driver owes: held against every recorded message, and against bytes nobody recorded."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import KINDS, Event, decode_event, encode_event, stream_of, to_plain
from domain.ids import content_name, fact_id
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Reading, discover
from tests.edge.devices.samples import (
    RECEIVED_AT,
    SITE,
    Sample,
    assert_is_recorded,
    assert_says,
    command_of,
    samples,
)

REGISTRY = discover()
SERVED = [sample for sample in samples() if sample.family in REGISTRY.by_family]
UP = [sample for sample in SERVED if sample.expect]
# What is told in answer to a message is no command: it is held against in the family's own tests.
DOWN = [sample for sample in SERVED if sample.encodes and sample.encodes["command"] != "ack"]
JSON_UP = [sample for sample in UP if sample.payload[:1] == b"{"]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def test_there_are_drivers_and_samples_for_each() -> None:
    assert {"vzenith-mqtt", "uhppoted-mqtt", "frigate"} <= set(REGISTRY.by_family)
    assert {"vzenith-mqtt", "uhppoted-mqtt", "frigate"} <= {sample.family for sample in UP}
    assert {"vzenith", "uhppoted", "hikvision"} <= {command_of(sample).device.partition(":")[0] for sample in DOWN}


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_a_recorded_message_becomes_what_its_index_says(sample: Sample) -> None:
    reading = REGISTRY.decode(sample.message(), SITE)
    assert len(reading.events) == len(sample.expect)
    for event, expected in zip(reading.events, sample.expect, strict=True):
        assert_says(event, expected)


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_a_message_received_in_time_keeps_its_time(sample: Sample) -> None:
    said = next((expected["time"] for expected in sample.expect if expected.get("time")), None)
    soon = datetime.fromisoformat(said) + timedelta(seconds=5) if said else RECEIVED_AT
    relaxed, strict = (REGISTRY.decode(sample.message(received_at=at), SITE) for at in (None, soon))
    assert strict == relaxed


@pytest.mark.parametrize("sample", DOWN, ids=repr)
def test_a_command_becomes_the_recorded_message(sample: Sample) -> None:
    for hint in ("", sample.topic):
        assert_is_recorded(REGISTRY.encode(command_of(sample), SITE, hint, sample.family), sample)


@pytest.mark.parametrize("family", sorted(REGISTRY.by_family))
def test_a_command_nobody_has_is_refused(family: str) -> None:
    command = Command("coffee.make", f"{REGISTRY.by_family[family].kind}:1", "r1", RECEIVED_AT)
    with pytest.raises(CannotEncode):
        REGISTRY.encode(command, SITE, family=family)


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_decode_is_pure(sample: Sample) -> None:
    message = sample.message(received_at=RECEIVED_AT)
    first, second = REGISTRY.decode(message, SITE), REGISTRY.decode(message, SITE)
    assert first == second
    assert message == sample.message(received_at=RECEIVED_AT)
    for one, other in zip(first.events, second.events, strict=True):
        one.ext["changed"] = one.raw_codes["changed"] = True
        assert "changed" not in other.ext | other.raw_codes


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_every_cut_is_refused_or_read(sample: Sample) -> None:
    payload = sample.payload
    for end in range(len(payload)):
        check(sample.message(payload[:end]))


@pytest.mark.parametrize("sample", JSON_UP, ids=repr)
def test_half_a_json_message_is_refused(sample: Sample) -> None:
    payload = sample.payload.rstrip()
    for cut in (payload[:-1], payload[: len(payload) // 2], payload[:1], payload + b"}"):
        with pytest.raises(BadMessage):
            REGISTRY.decode(sample.message(cut), SITE)


@pytest.mark.parametrize("sample", JSON_UP, ids=repr)
def test_an_empty_message_says_nothing(sample: Sample) -> None:
    """Refused; or read as what it is at a broker, a retained message that was cleared."""
    with suppress(BadMessage):
        assert REGISTRY.decode(sample.message(b""), SITE) == Reading([])


@pytest.mark.parametrize("sample", JSON_UP, ids=repr)
@pytest.mark.parametrize(
    "payload", [b"null", b"[]", b"{}", b'"x"', b"7", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000]
)
def test_other_json_is_refused(sample: Sample, payload: bytes) -> None:
    topic = sample.topic.replace("/message/", "/")  # which would name a camera and its message by itself
    with pytest.raises(BadMessage):
        REGISTRY.decode(sample.message(payload, topic=topic), SITE)


@given(family=st.sampled_from(sorted(REGISTRY.by_family)), payload=st.binary(max_size=200), topic=st.data())
def test_any_bytes_are_refused_or_read(family: str, payload: bytes, topic: st.DataObject) -> None:
    topics = [sample.topic for sample in samples(family)] + ["", "/", "a/b/c/d"]
    check(Message(family, payload, topic.draw(st.sampled_from(topics) | st.text(max_size=30)), received_at=RECEIVED_AT))


@given(sample=st.sampled_from(UP), drawn=st.data())
def test_damaged_bytes_are_refused_or_read(sample: Sample, drawn: st.DataObject) -> None:
    payload = bytearray(sample.payload)
    start = drawn.draw(st.integers(0, len(payload)))
    end = drawn.draw(st.integers(start, min(len(payload), start + 8)))
    payload[start:end] = drawn.draw(st.binary(max_size=8))
    check(sample.message(bytes(payload), received_at=RECEIVED_AT))


@given(sample=st.sampled_from(JSON_UP), value=json_values, drawn=st.data())
def test_a_field_of_another_type_is_refused_or_read(sample: Sample, value: Any, drawn: st.DataObject) -> None:
    body = json.loads(sample.payload)
    holder, key = drawn.draw(st.sampled_from(list(places(body))))
    if drawn.draw(st.booleans()):
        holder[key] = value
    elif isinstance(holder, dict):
        del holder[key]
    check(sample.message(json.dumps(body).encode(), received_at=RECEIVED_AT))


def check(message: Message) -> None:
    """Refused by name, or a reading that can travel."""
    try:
        reading = REGISTRY.decode(message, SITE)
    except BadMessage as error:
        assert str(error)
        return
    kinds = set(REGISTRY.by_kind)
    named = {media.sha256 for event in reading.events for media in event.media if media.sha256}
    named |= {event.raw.sha256 for event in reading.events if event.raw}
    assert {picture.sha256 for picture in reading.pictures} == named
    assert all(content_name(picture.body) == picture.sha256 for picture in reading.pictures)
    for event in reading.events:
        check_event(event, kinds)


def check_event(event: Event, kinds: set[str]) -> None:
    assert event.kind in KINDS
    assert event.device.partition(":")[0] in kinds or ":" not in event.device
    assert event.time is None or event.time.tzinfo is not None
    assert event.confidence is None or 0 <= event.confidence <= 1
    assert decode_event(encode_event(event)) == event
    assert msgspec.json.decode(msgspec.json.encode(to_plain(event)))["kind"] == event.kind
    assert stream_of(event) in ("urgent", "money", "routine")
    assert fact_id(event) is None or event.source_event_id or event.time


def places(value: Any) -> Any:
    """Every (holder, key) of a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])


def test_a_reading_holds_events() -> None:
    assert all(isinstance(REGISTRY.decode(sample.message(), SITE), Reading) for sample in UP)
