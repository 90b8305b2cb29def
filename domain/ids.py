"""Derived identities: the same fact gets the same id wherever and whenever it is derived."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from domain.events import Event

ID_BYTES = 16
_SEPARATOR = "\x1f"


class Origin(msgspec.Struct, frozen=True, order=True):
    """Where a record was born: a gateway's stream, the stream's epoch, the sequence within it (from 1)."""

    gateway: str
    stream: str
    epoch: str
    sequence: int


def derive(*parts: object) -> bytes:
    """128 bits of sha256 over the parts; ``None`` and the empty string are the same absent part."""
    text = _SEPARATOR.join(["" if part is None else str(part) for part in parts])
    return hashlib.sha256(text.encode()).digest()[:ID_BYTES]


def content_name(body: bytes) -> str:
    """The name of a picture: sha256 of its bytes, 64 hex digits."""
    return hashlib.sha256(body).hexdigest()


def fact_id(event: Event) -> bytes | None:
    """The id of the fact that an event states, or None where only its origin can name it.

    A device that numbers its events names the fact by the number; the device's time joins in where the numbers
    start again after a reboot, and for updates, which repeat the number of what they update. A device that gives
    only a time names it by the time and what was said. See docs/decisions/0004-ids.md.
    """
    numbered = event.source_event_id is not None
    if not numbered and event.time is None:
        return None
    subject = event.subject.id if event.subject else None
    parts: list[object] = [
        event.device,
        event.kind,
        event.point,
        event.phase,
        event.state,
        event.source_event_id,
        subject,
    ]
    if not numbered or event.counter_restarts or event.phase == "update":
        parts.append(_stamp(event.time))
    if not numbered:
        parts += [event.label, event.value, event.alarm, event.result, event.code, event.request_id]
    return derive(*parts)


def event_id(event: Event, origin: Origin) -> bytes:
    """The id of an event at either end: of the fact where it has one, else of its origin. 16 bytes."""
    return fact_id(event) or derive(origin.gateway, origin.stream, origin.epoch, origin.sequence)


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")
