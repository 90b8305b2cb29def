"""What a profile can take from an event: our words by dotted names, before any code of the standard."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from domain import plates
from domain.events import Event
from domain.viid.times import stamp

_PLAIN = ("kind", "state", "result", "method", "direction", "travel", "alarm", "label", "reason", "phase", "text")
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


def sources(event: Event, coded: Coded, *, identity: bool) -> dict[str, Any]:
    """Absent ones are None. ``identity``: whether the legal basis covers who somebody is."""
    return {
        **_of_event(event),
        **_of_plate(event),
        **(_of_person(event) if identity else {}),
        **{f"device.{name}": value for name, value in msgspec.structs.asdict(coded).items() if name != "extra"},
        "device.name": coded.name or coded.code,
        "device.address": coded.ipv4,
        "device.place_code": coded.place_code or coded.code[:6],  # all as the directory says them
        **{f"extra.{name}": value for name, value in coded.extra.items()},
        **{f"raw.{name}": value for name, value in event.raw_codes.items()},
        **{f"metrics.{name}": value for name, value in event.metrics.items()},
    }


class Asked:
    """The same, made only once something is asked for that does not stand in the event by that name."""

    def __init__(self, event: Event, coded: Coded) -> None:
        self._event, self._coded = event, coded
        self._all: dict[str, Any] | None = None

    def get(self, name: str) -> Any:
        if name in _PLAIN:
            return getattr(self._event, name)
        if self._all is None:
            self._all = sources(self._event, self._coded, identity=False)
        return self._all.get(name)


def _of_event(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(event, name) for name in _PLAIN}
    found["time"] = stamp(event.occurred_at)
    found["lane"], found["place"], found["point"] = event.lane, event.place, event.point
    found["percent"] = None if event.confidence is None else str(round(event.confidence * 100))
    found["picture"] = "yes" if any(media.sha256 for media in event.media) else None
    found["what"] = event.alarm or event.label or event.state
    return found


def _of_plate(event: Event) -> dict[str, Any]:
    subject = event.subject
    if subject is None or subject.type != "plate":
        return {"plate": None}
    color = subject.plate_color or "unknown"
    return {
        "plate": subject.id,
        "plate.color": color,
        "plate.class": _class_of(subject.id, color) if subject.id else None,
        "plate.there": subject.plate_status != "no_plate",
        "plate.doubted": True if subject.plate_status == "suspect_fake" else None,
    }


@lru_cache(maxsize=_CARS_REMEMBERED)
def _class_of(plate: str, color: str) -> str | None:
    found = plates.classify(plate, color)
    return found.plate_class if found else None


def _of_person(event: Event) -> dict[str, Any]:
    subject = event.subject
    if subject is None or subject.type == "plate":
        return {}
    return {"person.name": subject.name}
