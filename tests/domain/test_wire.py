"""A batch survives the way, and nothing that is not a whole batch is taken for one."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import wire
from domain.events import Event, decode_event, encode_event

AT = datetime(2026, 3, 1, tzinfo=UTC)


def bodies(count: int) -> list[bytes]:
    return [encode_event(Event(kind="input", device=f"x:{n}", recorded_at=AT)) for n in range(count)]


def sealed(head: bytes) -> bytes:
    return head + hashlib.sha256(head).digest()


@given(first=st.integers(1, 2**53), count=st.integers(1, 50), text=st.text())
def test_a_batch_comes_back_as_it_went(first: int, count: int, text: str) -> None:
    sent = [encode_event(Event(kind="input", device="x:1", recorded_at=AT, text=text))] * count
    header, unpacked = wire.unpack(wire.pack("gw-1", "money", "e1", first, sent))
    wire.check_events(header, unpacked)
    assert wire.split_events(unpacked) == sent
    assert [header.origin(n).sequence for n in range(count)] == list(range(first, first + count))
    assert (header.gateway, header.stream, header.epoch, header.last) == ("gw-1", "money", "e1", first + count - 1)


@settings(max_examples=300)
@given(position=st.integers(0), flip=st.integers(1, 255))
def test_any_flipped_byte_is_noticed(position: int, flip: int) -> None:
    packed = bytearray(wire.pack("gw-1", "routine", "e1", 1, bodies(3)))
    packed[position % len(packed)] ^= flip
    with pytest.raises(wire.BadBatch):
        wire.unpack(bytes(packed))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name(junk: bytes) -> None:
    for body in (junk, wire.MAGIC + junk, sealed(wire.MAGIC + junk)):
        with pytest.raises(wire.BadBatch):
            wire.unpack(body)


@pytest.mark.parametrize("cut", [1, 10, 31, 32, 33, 60])
def test_a_cut_batch_is_refused(cut: int) -> None:
    with pytest.raises(wire.BadBatch):
        wire.unpack(wire.pack("gw-1", "routine", "e1", 1, bodies(3))[:-cut])


def forged(header: wire.Header, unpacked: bytes) -> bytes:
    import msgspec

    text = msgspec.json.encode(header)
    head = wire.MAGIC + len(text).to_bytes(2, "big") + text + zstandard.compress(unpacked, 1)
    return sealed(head)


def test_a_small_body_that_unpacks_to_much_is_not_unpacked() -> None:
    bomb = forged(wire.Header("gw-1", "routine", "e1", 1, 1, "routine", 100), b"[" + b" " * 50_000_000 + b"]")
    assert len(bomb) < 20_000
    with pytest.raises(wire.BadBatch) as refused:
        wire.unpack(bomb)
    assert refused.value.reason == "body"


def test_fewer_events_than_sequences_is_a_gap() -> None:
    body = b"[" + bodies(1)[0] + b"]"
    header, unpacked = wire.unpack(forged(wire.Header("gw-1", "routine", "e1", 1, 2, "routine", len(body)), body))
    with pytest.raises(wire.BadBatch) as refused:
        wire.check_events(header, unpacked)
    assert refused.value.reason == "gap"


@pytest.mark.parametrize(("first", "last", "stream"), [(0, 1, "routine"), (2, 1, "routine"), (1, 5_000, "routine")])
def test_headers_out_of_bounds_are_refused(first: int, last: int, stream: str) -> None:
    with pytest.raises(wire.BadBatch):
        wire.unpack(forged(wire.Header("gw-1", stream, "e1", first, last, stream, 2), b"[]"))


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(wire.BadBatch, match="no such stream"):
        wire.unpack(forged(wire.Header("gw-1", "fast", "e1", 1, 1, "fast", 2), b"[]"))


def test_a_header_that_no_database_takes_is_refused() -> None:
    """One such batch would fail the commit of all that wait with it."""
    for epoch, first in (("e\x001", 1), ("e1", 2**63), ("e1", 2**62 + 1)):
        with pytest.raises(wire.BadBatch) as refused:
            wire.unpack(forged(wire.Header("gw-1", "routine", epoch, first, first, "routine", 2), b"[]"))
        assert refused.value.reason == "header"


@pytest.mark.parametrize("count", [0, wire.MAX_EVENTS + 1])
def test_too_few_or_too_many_events_are_not_packed(count: int) -> None:
    with pytest.raises(wire.BadBatch):
        wire.pack("gw-1", "routine", "e1", 1, bodies(1) * count)


def test_an_event_from_a_later_version_is_kept_in_what_we_know() -> None:
    event = decode_event(b'{"kind":"teleport","device":"x:1","recorded_at":"2026-03-01T00:00:00Z","new_field":1}')
    assert (event.kind, event.device) == ("teleport", "x:1")


@pytest.mark.parametrize(
    "fields",
    [
        '"recorded_at":"garbage"',
        '"recorded_at":"2026-03-01T00:00:00"',
        '"recorded_at":"2026-03-01T00:00:00Z","time":"2026-03-01T00:00:00"',
        '"recorded_at":"2026-03-01T00:00:00Z","time":"0001-01-01T00:00:00+08:00"',
        '"recorded_at":"2026-03-01T00:00:00Z","ended_at":"9999-12-31T23:59:59-08:00"',
        '"recorded_at":"2026-03-01T00:00:00Z","ext":' + '{"a":' * 20_000 + "1" + "}" * 20_000,
    ],
)
def test_an_event_that_would_stop_every_reader_is_refused(fields: str) -> None:
    body = b'[{"kind":"door","device":"x:1",' + fields.encode() + b"}]"
    header, unpacked = wire.unpack(forged(wire.Header("gw-1", "routine", "e1", 1, 1, "routine", len(body)), body))
    with pytest.raises(wire.BadBatch) as refused:
        wire.check_events(header, unpacked)
    assert refused.value.reason == "events"
