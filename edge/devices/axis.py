"""Axis cameras and their event bridge over MQTT: the same events as ONVIF's, in Axis' own words."""

from __future__ import annotations

from types import MappingProxyType

from edge.devices._onvif_events import AXIS, decode
from edge.devices._onvif_questions import QUESTIONS
from edge.devices.driver import Driver

FAMILY = "axis-mqtt"

# The prefix is axis/<serial> unless it was set otherwise; older firmware begins with the serial number.
DRIVER = Driver(
    kind=AXIS,
    families=(FAMILY,),
    decode=decode,
    topics=MappingProxyType({"axis/+/event/#": FAMILY, "+/event/tns:onvif/#": FAMILY}),
    questions=QUESTIONS,
    page="onvif-mqtt.md",
)
