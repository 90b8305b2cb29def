"""When each device was last heard, in what state it said to be, and whether its clock is wrong: bounded, and kept over
a restart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from domain.events import Event

_MAX_DEVICES = 20_000
_OTHERS_SHOWN = 200  # beside the listed ones, the newest: a status file and a metrics page stay small
_FAULTS: Mapping[str, str | None] = {"device_clock_bad": "clock", "assumed_zone": "zone", "ok": None}


class Seen(msgspec.Struct, gc=False):
    """One device: when it last spoke (None: only its broker spoke for it), its availability where it says one, and what
    is wrong with its clock: ``clock`` or ``zone``."""

    at: datetime | None = None
    state: str | None = None
    fault: str | None = None

    @property
    def plain(self) -> dict[str, Any]:
        fault = {"fault": self.fault} if self.fault else {}
        return {"at": msgspec.to_builtins(self.at), "state": self.state, **fault}


class LastSeen:
    """Every device heard, the one silent longest forgotten first above ``max_devices``."""

    def __init__(self, max_devices: int = _MAX_DEVICES) -> None:
        self._devices: OrderedDict[str, Seen] = OrderedDict()
        self._max_devices = max_devices

    def note(self, event: Event, at: datetime) -> None:
        """A device said something, new or not. What a broker retained, or says in a dead device's name, is no sign of
        life."""
        seen = self._devices.get(event.device)
        if seen is None:
            seen = self._devices[event.device] = Seen()
            if len(self._devices) > self._max_devices:
                self._devices.popitem(last=False)
        availability = event.kind == "availability"
        if availability:
            seen.state = event.state
        if not event.retained and not (availability and event.state == "offline"):
            seen.at, seen.fault = at, _FAULTS.get(event.time_quality, seen.fault)
            self._devices.move_to_end(event.device)

    def at(self, device: str) -> datetime | None:
        """When a device last spoke; None for one never heard."""
        seen = self._devices.get(device)
        return seen.at if seen else None

    def is_here(self, device: str) -> bool:
        """Whether it was ever heard, and has not said, nor its broker for it, that it went."""
        seen = self._devices.get(device)
        return seen is not None and seen.state != "offline" and (seen.at is not None or seen.state is not None)

    def shown(self, listed: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Device -> {at, state}: each listed one that was ever heard, and the newest of the others."""
        known = dict.fromkeys(device for device in listed if device in self._devices)
        others = (device for device in reversed(self._devices) if device not in known)
        chosen = [*known, *(device for device, _ in zip(others, range(_OTHERS_SHOWN), strict=False))]
        return {device: self._devices[device].plain for device in chosen}

    def of(self, devices: Iterable[str]) -> dict[str, Seen]:
        """Those of the devices that were ever heard."""
        return {device: self._devices[device] for device in devices if device in self._devices}

    def restore(self, left: Mapping[str, Any]) -> None:
        """Take over what an earlier run of the agent left as ``shown``; what is not readable is not taken."""
        for device, entry in reversed(list(left.items())):
            try:
                self._devices[device] = msgspec.convert(entry, Seen)
            except msgspec.ValidationError:  # another version's: it will be heard again
                continue
