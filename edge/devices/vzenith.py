"""Vzenith 臻识 plate cameras (R3, R5, C5H) and their rebrands: protocol 自定义MQTT协议 v1.1."""

from __future__ import annotations

from types import MappingProxyType

from edge.devices._vzenith_commands import encode
from edge.devices._vzenith_envelope import KIND, open_envelope
from edge.devices._vzenith_readings import READERS, read_reply, read_unknown
from edge.devices.driver import BrokerUser, Driver, Message, Reading, Site, own_user

FAMILY = "vzenith-mqtt"


def decode(message: Message, site: Site) -> Reading:
    """What a camera says. Raises BadMessage."""
    heard = open_envelope(message, site)
    return read_reply(heard) if heard.is_reply else READERS.get(heard.name, read_unknown)(heard)


_TOPICS = MappingProxyType(
    {
        "device/+/message/up/#": FAMILY,
        "+/device/message/up/#": FAMILY,
        "device/+/message/down/+/reply": FAMILY,
        "+/device/message/down/+/reply": FAMILY,
    }
)


def _user(serial: str) -> BrokerUser:
    """A camera writes and is told under its serial number, in either layout of its firmware."""
    return own_user(KIND, _TOPICS, serial, (f"device/{serial}/message/down/#", f"{serial}/device/message/down/#"))


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    topics=_TOPICS,
    broker_user=_user,
    page="vzenith.md",
)
