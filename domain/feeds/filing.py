"""The filing sheet of a complex's devices, as the police ask for it: number, kind, place, how long records are kept."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from domain.desired_bodies import Device
from domain.retention import Class, Terms

_CAMERAS = frozenset({"axis", "dahua", "frigate", "gat1400", "hikvision", "onvif"})


class Filed(msgspec.Struct, frozen=True):
    """A line of the sheet."""

    id: str
    name: str
    kind: str
    place: str
    use: Class  # by whose term its records are kept
    days: int


def filed(devices: Iterable[Device], terms: Terms) -> list[Filed]:
    """In order of place, so that whoever walks the complex can tick them off."""
    lines = [_line(device, use_of(device), terms) for device in devices]
    return sorted(lines, key=lambda one: (one.place, one.kind, one.id))


def use_of(device: Device) -> Class:
    """What it is there for: a lane's reader, a camera, or doors and all else."""
    if device.lane:
        return "vehicle"
    if device.doors or device.keeps_cards:
        return "door"
    return "video_index" if device.id.partition(":")[0] in _CAMERAS else "door"


def _line(device: Device, use: Class, terms: Terms) -> Filed:
    return Filed(device.id, device.name, device.id.partition(":")[0], device.place, use, terms.days(use))
