"""What a driver asks a device to know whether it is the listed one, and reads out of the answer: for ``doctor``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec


class Told(msgspec.Struct, frozen=True):
    """What a device says of itself. ``identities``: under which of them it may be listed; none: it does not say.

    ``clock`` is aware; one that names no zone is read in the site's. ``zone`` is the device's own word for its zone.
    """

    identities: tuple[str, ...] = ()
    clock: datetime | None = None
    zone: str = ""
    model: str = ""
    firmware: str = ""


NOTHING_TOLD = Told()


class Question(msgspec.Struct, frozen=True):
    """An HTTP request that changes nothing at a device. ``read`` gets the body and the site; raises BadMessage."""

    path: str
    read: Callable[[bytes, Any], Told]
    method: str = "GET"
    body: bytes = b""
    media_type: str = ""
