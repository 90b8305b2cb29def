"""What a plain camera with an address ``onvif://…`` says beside its pixels: its own events, where they are wanted, and
pictures that were taken of it."""

from __future__ import annotations

from edge.devices._onvif_pulled import decode as decode_pulled
from edge.devices.camera import KIND
from edge.devices.driver import Driver, Message, Reading, Site

FAMILY = "camera-onvif"


def decode(message: Message, site: Site) -> Reading:
    """What it says. Raises BadMessage."""
    return decode_pulled(message, site, KIND)


DRIVER = Driver(kind=KIND, families=(FAMILY,), decode=decode, transports=("onvif",), page="onvif")
