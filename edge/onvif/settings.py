"""What an installer says of cameras that speak ONVIF: the part [onvif] of the settings."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.events import KINDS, Event, is_replay

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Meta(max_length=64)]
_NEVER = frozenset({"command_result"})  # what this box itself did sets nothing off


class Reaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a camera does when something happens, at itself or at another device. What is left out may be anything.

    ``words``: of the event's alarm, state, label or result; ``zones``: a device's own zone, or one drawn in a picture.
    """

    kinds: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=16)]
    devices: Words = ()
    places: Words = ()
    zones: Words = ()
    words: Words = ()
    preset: Annotated[str, Meta(max_length=80)] = ""  # to which it turns, by token or name; none: it stays
    hold_s: Annotated[float, Meta(ge=1, le=3_600)] = 30.0  # then back, counted from the last time
    snapshot: bool = False  # a picture of it, once it stands

    def __post_init__(self) -> None:
        if strange := set(self.kinds) - (set(KINDS) - _NEVER):
            known = ", ".join(kind for kind in KINDS if kind not in _NEVER)
            raise ValueError(f"kinds: there is no {min(strange)!r}; there are {known}")
        if not self.preset and not self.snapshot:
            raise ValueError("neither preset nor snapshot: it would do nothing")

    def fits(self, event: Event) -> bool:
        """Whether something of it happens now: not what was, not what is over, not what is told again."""
        if event.kind not in self.kinds or event.retained or is_replay(event) or event.phase in ("update", "end"):
            return False
        if event.state == "cleared" or not _among(self.devices, event.device) or not _among(self.places, event.place):
            return False
        zones = (*event.zones, str(event.ext.get("zone", "")))
        return _among(self.zones, *zones) and _among(self.words, event.alarm, event.state, event.label, event.result)


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera, by its id in the device list."""

    events: Literal["usual", "on", "off"] = "usual"  # its own: on for onvif:, off for camera:, which this box looks at
    home: Annotated[str, Meta(max_length=80)] = ""  # the preset that it turns back to; none: its own home position
    reactions: Annotated[tuple[Reaction, ...], Meta(max_length=32)] = ()  # of several that fit the first counts


class Onvif(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cameras that are asked over ONVIF, at an address ``onvif://…``."""

    cameras: dict[str, Camera] = {}

    def of(self, device: str) -> Camera:
        """The settings of a camera; the usual ones where none are written."""
        return self.cameras.get(device, Camera())

    def wants_events(self, device: str) -> bool:
        """Whether its own events are taken."""
        said = self.of(device).events
        return said == "on" or (said == "usual" and device.startswith("onvif:"))


def _among(wanted: tuple[str, ...], *said: str | None) -> bool:
    return not wanted or any(word in wanted for word in said if word)
