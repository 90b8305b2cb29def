"""A family without a vendor: its messages are taken as they are, so that intake can be measured without a driver."""

from __future__ import annotations

from types import MappingProxyType

from domain.events import Event
from edge.devices.driver import BadMessage, Driver, Message, Reading, Site

FAMILY = "passthrough"
_ID = slice(7, 22)  # {"id":"0000-0000000000", …: where benchmarks/messages.py writes it


def decode(message: Message, site: Site) -> Reading:
    """The whole message as one event's text, under the number it begins with. Raises BadMessage."""
    try:
        text = message.payload.decode()
    except UnicodeDecodeError as error:
        raise BadMessage(f"not UTF-8: {error}") from error
    return Reading([Event(kind="passthrough", device="bench:plain", source_event_id=text[_ID], text=text)])


DRIVER = Driver(kind="bench", families=(FAMILY,), decode=decode, topics=MappingProxyType({"bench/#": FAMILY}))
