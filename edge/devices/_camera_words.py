"""What a child process that looks at a camera says of it, on its way to the driver: MessagePack."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

MOST_BYTES = 8 * 1024 * 1024 - 64 * 1024  # with its envelope within what the intake takes
ROLES = ("scene", "plate", "clip", "thumbnail")
TYPES = ("image/jpeg", "video/mp4")


class Shot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture or a clip of an event."""

    role: str
    type: str
    body: bytes


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="told"):
    """One thing to tell of a camera. ``id`` is "" for a state; ``rest``: so it should be, and is news only where it
    was known to be otherwise."""

    device: Annotated[str, Meta(max_length=200)]
    id: Annotated[str, Meta(max_length=80)] = ""
    at: Annotated[datetime, Meta(tz=True)]
    fields: Annotated[dict[str, Any], Meta(max_length=40)]
    shots: Annotated[tuple[Shot, ...], Meta(max_length=6)] = ()
    rest: bool = False
