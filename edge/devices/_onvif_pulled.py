"""What the transport ``onvif`` brings of a camera: a notification of its own, or a picture that was taken of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.events import Event
from edge.devices import _onvif_xml
from edge.devices._fields import media_type
from edge.devices.driver import BadMessage, Message, Reading, Site, judge_time, picture
from edge.multipart import Part, joined, parts_of

_JSON, _JPEG = "application/json", "image/jpeg"


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="taken"):
    """A picture that this box took of a camera; ``trigger`` is what it was taken for."""

    at: Annotated[datetime, Meta(tz=True)]
    trigger: Annotated[str, Meta(max_length=400)] = ""
    does: Literal["snapshot"] = "snapshot"


_decode = msgspec.json.Decoder(Taken).decode


def taken(word: Taken, jpeg: bytes) -> bytes:
    """The message of a picture that was taken."""
    parts = [Part({"content-type": _JSON}, msgspec.json.encode(word)), Part({"content-type": _JPEG}, jpeg)]
    return joined(parts)[1]


def decode(message: Message, site: Site, kind: str) -> Reading:
    """Raises BadMessage."""
    identity = message.sender or message.topic.partition("/")[2]
    if not identity:
        raise BadMessage("which camera? neither its line nor the topic says")
    device = f"{kind}:{identity}"
    if message.payload[:2] == b"--":
        return _picture(message, site, device)
    return _onvif_xml.decode(message, site, device)


def _picture(message: Message, site: Site, device: str) -> Reading:
    parts = parts_of(message.payload)
    if len(parts) != 2 or media_type(parts[1].body) != _JPEG:
        raise BadMessage("no picture that was taken: a JSON word and a JPEG make one")
    try:
        word = _decode(parts[0].body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"no word of a picture that was taken: {error}") from error
    when = judge_time(word.at, message.received_at, site)
    media, body = picture("scene", parts[1].body)
    event = Event(
        kind="detection",
        device=device,
        time=when.time,
        time_quality=when.time_quality,
        device_time=when.device_time,
        label=word.does,
        trigger=word.trigger or None,
        media=[media],
    )
    return Reading([event], [body])
