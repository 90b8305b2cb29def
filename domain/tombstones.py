"""What stands in a batch where a record was let go or erased: its sequence and its day, and nothing of what it said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from domain.events import Event, decode_event, encode_event
from domain.wire import Header, pack

TOMBSTONE = "tombstone"
Why = Literal["expired", "erased"]


class _When(msgspec.Struct):
    recorded_at: datetime


_decode_when = msgspec.json.Decoder(_When).decode


def tombstone(body: bytes, why: Why) -> bytes:
    """What takes the place of an encoded event. Only when it was recorded stays: its day is counted at both ends."""
    event = Event(kind=TOMBSTONE, device="", recorded_at=_decode_when(body).recorded_at, code=why)
    return encode_event(event)


def without_pictures(body: bytes, names: Collection[str]) -> bytes:
    """An encoded event that no longer names these pictures; as it was where it names none of them."""
    if not any(name.encode() in body for name in names):
        return body
    event = decode_event(body)
    event.media = [entry for entry in event.media if entry.sha256 not in names]
    return encode_event(event)


def rewritten(header: Header, bodies: list[bytes], changed: Mapping[int, bytes]) -> bytes:
    """The bytes of a batch of the same origin with other events at some of its indexes."""
    now = [changed.get(index, body) for index, body in enumerate(bodies)]
    return pack(header.gateway, header.stream, header.epoch, header.first, now)
