"""What a driver says of the TCP line its family speaks over: where frames end, who connects, what keeps it alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from edge.devices.question import NOTHING_TOLD, Told


def _nothing_told(frame: bytes) -> Told:
    return NOTHING_TOLD


class Cut(msgspec.Struct, frozen=True):
    """What stands first in the bytes received: a frame, or rubbish up to the next one. ``used``: so many bytes go.

    Rubbish is offered as a frame is, and its driver refuses it: so it is counted, and kept where a person can look.
    ``frame`` is empty for what is not worth that.
    """

    used: int
    frame: bytes = b""


class OwnLog(msgspec.Struct, frozen=True):
    """The log that a device keeps by itself, read after an absence: its numbers rise by one.

    Requests carry a token, ``first_token`` to 255, by which an answer is known.
    """

    newest: Callable[[int], bytes]  # the request for the newest number, with a token
    newest_in: Callable[[bytes], int | None]
    read: Callable[[int, int], bytes]  # the request for a record: its number, a token
    first_token: int
    number_in: Callable[[bytes], int | None]  # the number of a pushed or read record; None for any other frame
    stored: str = "stored"  # the header by which the driver knows a record that was read back


class Line(msgspec.Struct, frozen=True):
    """``role`` connect: the device listens at the address of the device list; listen: it connects to us.

    ``cut`` is None while the bytes are the beginning of something; a frame is at most ``max_frame_bytes``.
    ``identity_of`` is the vendor identity a frame tells, None where it tells none; ``token_of`` the number by which a
    request and its answer belong together, 0 for none.
    """

    family: str
    role: Literal["connect", "listen"]
    port: int  # where the device list, or our settings, say none
    cut: Callable[[bytes | bytearray], Cut | None]
    max_frame_bytes: int
    identity_of: Callable[[bytes], str | None]
    token_of: Callable[[bytes], int]
    greeting: tuple[bytes, ...] = ()  # said once connected
    heartbeat: bytes = b""
    heartbeat_s: float = 5.0
    silent_s: float = 30.0  # who said nothing for so long is away
    log: OwnLog | None = None
    questions: tuple[bytes, ...] = ()  # what ``doctor`` asks, on a line of its own: it changes nothing
    told: Callable[[bytes], Told] = _nothing_told  # what a frame answers to them
