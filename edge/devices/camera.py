"""Cameras without brains of their own: what this box's own child processes see in their streams (edge.vision)."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.events import Event, decode_event, encode_event
from domain.orders import TAKE_PICTURE
from edge.devices._camera_words import ROLES, TYPES, Shot, Told
from edge.devices.driver import (
    BadMessage,
    CannotEncode,
    Command,
    Driver,
    Message,
    Packet,
    Picture,
    Reading,
    Site,
    judge_time,
    picture,
)

KIND, FAMILY = "camera", "camera"
_KINDS = frozenset({"detection", "alarm", "plate", "availability", "measurement"})
# What eyes may say. Never whose camera it is, what is kept of it, or that an order was carried out.
# fmt: off
_FIELDS = frozenset({
    "kind", "channel", "point", "phase", "ended_at", "subject", "reason", "reason_code", "direction", "travel",
    "alarm", "state", "confidence", "severity", "zones", "rule", "label", "metrics", "trigger", "value", "text", "ext",
})
# fmt: on
_decode = msgspec.msgpack.Decoder(Told).decode


def decode(message: Message, site: Site) -> Reading:
    """What was seen. Raises BadMessage."""
    told = _told(message.payload)
    event = _event(told, message, site)
    shots = [_shot(shot) for shot in told.shots]
    event.media = [media for media, _ in shots]
    pictures = list({made.sha256: made for _, made in shots}.values())
    return Reading([], pictures, [event]) if told.rest and not shots else Reading([event], pictures)


def _told(payload: bytes) -> Told:
    try:
        return _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadMessage(f"not a word of a child that sees: {error}") from error


def _event(told: Told, message: Message, site: Site) -> Event:
    """The event of a camera, whatever else the child would have it be."""
    if foreign := sorted(told.fields.keys() - _FIELDS):
        raise BadMessage(f"a camera says nothing of {', '.join(foreign)[:200]}")
    if told.fields.get("kind") not in _KINDS:
        raise BadMessage(f"a camera tells no {told.fields.get('kind')!r:.40}")
    device = f"{KIND}:{message.sender}" if message.sender else told.device
    if not device.startswith(f"{KIND}:"):
        raise BadMessage(f"{told.device!r:.80} is no camera")
    judged = judge_time(told.at, message.received_at, site)
    own: dict[str, Any] = {"device": device, "time": judged.time, "time_quality": judged.time_quality}
    own |= {"device_time": judged.device_time, "source_event_id": told.id or None}
    return _converted({**told.fields, **own})


def _converted(fields: dict[str, Any]) -> Event:
    try:
        event = decode_event(encode_event(msgspec.convert(fields, Event)))  # as it will be read: no number that is none
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise BadMessage(f"fields that are no event's: {error}") from error
    if event.confidence is not None and not 0 <= event.confidence <= 1:
        raise BadMessage(f"a confidence of {event.confidence:g}")
    return event


def _shot(shot: Shot) -> tuple[Any, Picture]:
    if shot.role not in ROLES or shot.type not in TYPES or not shot.body:
        raise BadMessage(f"{len(shot.body)} bytes of {shot.type!r:.40} as {shot.role!r:.40}")
    return picture(shot.role, shot.body, shot.type)


def encode(command: Command, site: Site, topic_hint: str) -> Packet:
    """The one thing that can be asked of eyes. Raises CannotEncode."""
    if command.name != TAKE_PICTURE:
        raise CannotEncode(f"a plain camera does no {command.name!r:.60}; it does {TAKE_PICTURE}")
    return Packet(b"", command.request_id)


DRIVER = Driver(kind=KIND, families=(FAMILY,), decode=decode, encode=encode, transports=("vision",))
