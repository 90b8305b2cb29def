"""Cameras that are asked for their events over ONVIF itself: listed as ``onvif:NAME`` with an address ``onvif://…``."""

from __future__ import annotations

from edge.devices._onvif_events import ONVIF
from edge.devices._onvif_pulled import decode as decode_pulled
from edge.devices.driver import Driver, Message, Reading, Site

FAMILY = "onvif"


def decode(message: Message, site: Site) -> Reading:
    """What it says. Raises BadMessage."""
    return decode_pulled(message, site, ONVIF)


DRIVER = Driver(
    kind=ONVIF, families=(FAMILY,), decode=decode, transports=("onvif",), identity_is_path=True, page="onvif"
)
