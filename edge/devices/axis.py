"""Axis cameras and their event bridge over MQTT: the same events as ONVIF's, in Axis' own words."""

from __future__ import annotations

from types import MappingProxyType

from edge.devices._onvif_events import AXIS, decode
from edge.devices._onvif_questions import QUESTIONS
from edge.devices.announced import Announced, Known, by_mac
from edge.devices.driver import Driver

FAMILY = "axis-mqtt"


def _claims(announced: Announced) -> Known | None:
    """A serial number of Axis is its MAC address in capitals."""
    return by_mac(AXIS, announced, upper=True) if announced.is_by("axis") else None


# The prefix is axis/<serial> unless it was set otherwise; older firmware begins with the serial number.
DRIVER = Driver(
    kind=AXIS,
    families=(FAMILY,),
    decode=decode,
    topics=MappingProxyType({"axis/+/event/#": FAMILY, "+/event/tns:onvif/#": FAMILY}),
    claims=_claims,
    page="onvif-mqtt",
    questions=QUESTIONS,
)
