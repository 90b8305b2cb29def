"""The installer's list of devices: who may speak here, and what each means for the site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from domain.access import asks_for_a_decision
from domain.desired_bodies import Device, Door
from domain.events import Event

_UNLISTED = " is not in the device list"


class UnknownDevice(Exception):
    """A device that is not in the list; its message is parked, so that nothing is lost while it is added."""


def unlisted_in(detail: str) -> str:
    """Whose message was parked, by the sentence it was parked with; "" where that is of another reason."""
    identity, said, _ = detail.partition(_UNLISTED)
    return identity if said else ""


class DeviceList:
    """Devices by identity. A bridge that speaks for others (an identity without a colon) needs no entry."""

    def __init__(self, devices: Iterable[Device], *, accept_unknown: bool) -> None:
        self._accept_unknown = accept_unknown
        self.also_heard: frozenset[str] = frozenset()  # kinds that lanes decide by
        self.is_the_centres = False  # not the one in the settings
        self.replace(devices)

    def replace(self, devices: Iterable[Device]) -> None:
        """Another list from now on."""
        self._devices = {device.id: device for device in devices}
        doors = ((device, door) for device in self._devices.values() for door in device.doors)
        self._decided_here = {(device.id, door.point): door for device, door in doors if door.decides == "gateway"}

    def place(self, event: Event) -> Event:
        """The event with what only the site knows: place, lane, direction. Raises UnknownDevice."""
        device = self._find(event.device)
        if device is None:
            return event
        event.place = event.place or device.place or None
        event.lane = device.lane or event.lane  # a camera counts its own lanes from one, as all others do
        if event.direction in (None, "unknown") and device.direction != "unknown":
            event.direction = device.direction
        if device.zone:
            event.ext = {**event.ext, "zone": device.zone}
        return event

    @property
    def identities(self) -> frozenset[str]:
        """The devices that are listed."""
        return frozenset(self._devices)

    @property
    def listed(self) -> tuple[Device, ...]:
        """Every device as it is listed."""
        return tuple(self._devices.values())

    @property
    def addressed(self) -> frozenset[str]:
        """Those of them that have an address."""
        return frozenset(identity for identity, device in self._devices.items() if device.address)

    def admits(self, identity: str) -> bool:
        """Whether a device may speak here at all."""
        return self._accept_unknown or identity in self._devices

    def address_of(self, identity: str) -> str:
        """Where a device is reached; "" where the list does not say."""
        device = self._devices.get(identity)
        return device.address if device else ""

    def with_address(self, kind: str) -> dict[str, str]:
        """The devices of a kind that have an address: identity -> address."""
        listed = self._devices.values()
        return {device.id: device.address for device in listed if device.address and device.id.startswith(f"{kind}:")}

    def of(self, identity: str) -> Device | None:
        """A device as it is listed."""
        return self._devices.get(identity)

    def of_kind(self, kind: str) -> list[Device]:
        """Every listed device of a kind."""
        return [device for device in self._devices.values() if device.id.startswith(f"{kind}:")]

    @property
    def decides_here(self) -> bool:
        """Whether any door is decided by this gateway."""
        return bool(self._decided_here)

    @property
    def deciding_kinds(self) -> frozenset[str]:
        """The kinds of devices that have such a door, or stand at a lane that is decided here."""
        return self.also_heard | {identity.partition(":")[0] for identity, _ in self._decided_here}

    def door_at(self, device: str, point: str) -> Door | None:
        """The door at a reader that asks this gateway."""
        return self._decided_here.get((device, point))

    def asked(self, event: Event) -> Door | None:
        """The door that asks this gateway for a decision by an event; None for every other event."""
        if event.kind != "access":
            return None
        door = self._decided_here.get((event.device, event.point or ""))
        return door if door is not None and asks_for_a_decision(event) else None

    def _find(self, identity: str) -> Device | None:
        device = self._devices.get(identity)
        if device is None and ":" in identity and not self._accept_unknown:
            raise UnknownDevice(f"{identity}{_UNLISTED}; add it, then: gatehouse-edge parked --retry")
        return device

    def described(self) -> Sequence[dict[str, Any]]:
        """The list for people beside the box, and for the centre where it is the one in the settings."""
        return [{"id": device.id, **_said(device)} for device in self._devices.values()]

    def told(self) -> Sequence[dict[str, Any]]:
        """The list for the centre: of its own, which it knows, no more than which devices."""
        return [{"id": device} for device in self._devices] if self.is_the_centres else self.described()


def _said(device: Device) -> dict[str, Any]:
    """What an entry says beyond what is so anyway: a hello stays small."""
    usual = Device(device.id)
    changed = [name for name in Device.__struct_fields__ if getattr(device, name) != getattr(usual, name)]
    return {name: msgspec.to_builtins(getattr(device, name)) for name in changed}
