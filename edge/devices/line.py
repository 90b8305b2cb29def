"""What a transport itself knows of a device: its line is there, or lost. No device speaks so; ours alone do."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.events import Event
from edge.devices._fields import decode_json, text_in
from edge.devices.driver import LINE, BadMessage, Driver, Message, Reading, Site

_STATES = frozenset({"online", "offline"})


class _Line(msgspec.Struct):
    device: Any = None
    state: Any = None
    reason: Any = None


_decode = msgspec.json.Decoder(_Line).decode


def decode(message: Message, site: Site) -> Reading:
    """A line that came or went. Raises BadMessage."""
    said = decode_json(_decode, message.payload, "not a word of a transport about a line")
    device, state = text_in(said.device), text_in(said.state)
    if device is None or not device.partition(":")[2] or state not in _STATES:
        raise BadMessage(f"a line of {device!r} that is {state!r}")
    event = Event(kind="availability", device=device, time_quality="gateway", state=state, reason=text_in(said.reason))
    return Reading([event])


DRIVER = Driver(kind=LINE, families=(LINE,), decode=decode)
