"""Cameras that publish ONVIF's JSON over MQTT (Bosch, Hanwha and others): what they saw, contacts, faults."""

from __future__ import annotations

from types import MappingProxyType
from urllib.parse import quote

from edge.devices._onvif_events import ONVIF, decode
from edge.devices._onvif_questions import QUESTIONS
from edge.devices.driver import BrokerUser, Driver

FAMILY = "onvif-mqtt"


def _user(prefix: str) -> BrokerUser:
    """A camera is known by its prefix, and writes below it."""
    return BrokerUser(f"{ONVIF}.{quote(prefix, safe='')}", (f"{prefix}/onvif-ej/#",))


DRIVER = Driver(
    kind=ONVIF,
    families=(FAMILY,),
    decode=decode,
    topics=MappingProxyType({f"{'+/' * levels}onvif-ej/#": FAMILY for levels in (1, 2, 3)}),
    broker_user=_user,
    identity_is_path=True,
    page="onvif-mqtt",
    questions=QUESTIONS,
)
