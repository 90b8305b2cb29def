"""What a profile can take from an event: our words by dotted names, before any code of the standard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import msgspec

from domain import plates
from domain.events import Event, Subject
from domain.viid.times import stamp

_PLAIN = (
    *("kind", "state", "result", "method", "direction", "travel", "alarm", "label", "reason", "phase", "text"),
    *("lane", "place", "point"),
)
_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - what a catalogue must say where nobody may know it
_CARS_REMEMBERED = 4_096  # the same cars pass every day


class Coded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device as the police number it, and what their catalogue says of it."""

    code: str
    name: str = ""
    model: str = "NA"
    tollgate: str = ""
    lane: int = 1  # leftmost is 1, in driving direction
    direction: str = "9"  # 1 to 8 by the compass, 9 other
    address: str = _NO_ADDRESS
    port: int = 80
    longitude: float = 0.0
    latitude: float = 0.0
    place_code: str = ""
    place: str = ""
    org_code: str = ""
    function: str = "5"
    extra: dict[str, str] = {}  # what one city asks for beyond the standard: CommunityID

    @property
    def ipv4(self) -> str:
        """What stands where an address of the fourth version is wanted: zeros for any other."""
        return _NO_ADDRESS if ":" in self.address else self.address

    @property
    def ipv6(self) -> str:
        return self.address if ":" in self.address else ""


class Sources:
    """What can be taken of one event, by name; None for what is not said. ``identity``: whether the legal basis covers
    who somebody is."""

    def __init__(self, event: Event, coded: Coded, *, identity: bool = False) -> None:
        self._event, self._coded, self._identity = event, coded, identity

    def get(self, name: str) -> Any:
        """Only what is asked for is made: a rule takes a dozen of some sixty."""
        if (of_event := _OF_EVENT.get(name)) is not None:
            return of_event(self._event)
        if (of_device := _OF_DEVICE.get(name)) is not None:
            return of_device(self._coded)
        if (of_plate := _OF_PLATE.get(name)) is not None:
            return None if (plate := _plate_of(self._event)) is None else of_plate(plate)
        return self._open(*name.split(".", 1)) if "." in name else None

    def _open(self, group: str, name: str) -> Any:
        """Of a group that has whatever names its maker gave."""
        match group:
            case "extra":
                return self._coded.extra.get(name)
            case "raw":
                return self._event.raw_codes.get(name)
            case "metrics":
                return self._event.metrics.get(name)
            case "person" if name == "name" and self._identity:
                return _person(self._event)
            case _:
                return None


def _plate_of(event: Event) -> Subject | None:
    subject = event.subject
    return subject if subject is not None and subject.type == "plate" else None


def _person(event: Event) -> str | None:
    subject = event.subject
    return None if subject is None or subject.type == "plate" else subject.name


def _percent(event: Event) -> str | None:
    return None if event.confidence is None else str(round(event.confidence * 100))


def _picture(event: Event) -> str | None:
    return "yes" if any(media.sha256 for media in event.media) else None


def _plate_class(plate: Subject) -> str | None:
    return _class_of(plate.id, plate.plate_color or "unknown") if plate.id else None


@lru_cache(maxsize=_CARS_REMEMBERED)
def _class_of(plate: str, color: str) -> str | None:
    found = plates.classify(plate, color)
    return found.plate_class if found else None


_OF_EVENT: Mapping[str, Callable[[Event], Any]] = MappingProxyType(
    {
        **{name: attrgetter(name) for name in _PLAIN},
        "time": lambda event: stamp(event.occurred_at),
        "percent": _percent,
        "picture": _picture,
        "what": lambda event: event.alarm or event.label or event.state,
    }
)
_OF_PLATE: Mapping[str, Callable[[Subject], Any]] = MappingProxyType(
    {
        "plate": lambda plate: plate.id,
        "plate.color": lambda plate: plate.plate_color or "unknown",
        "plate.class": _plate_class,
        "plate.there": lambda plate: plate.plate_status != "no_plate",
        "plate.doubted": lambda plate: True if plate.plate_status == "suspect_fake" else None,
    }
)
_OF_DEVICE: Mapping[str, Callable[[Coded], Any]] = MappingProxyType(
    {
        **{f"device.{name}": attrgetter(name) for name in Coded.__struct_fields__ if name != "extra"},
        "device.name": lambda coded: coded.name or coded.code,
        "device.address": attrgetter("ipv4"),
        "device.place_code": lambda coded: coded.place_code or coded.code[:6],  # all as the directory says them
    }
)
