"""How long each class of record is kept: terms between a floor and a ceiling, legal hold, and what is due; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

from domain.alerts.built_in import BUILT_IN
from domain.events import Event, Stream, stream_of
from domain.places import Place
from domain.subjects import Kind, Subject, forms_in_event
from domain.tombstones import TOMBSTONE

Class = Literal["video_index", "vehicle", "door", "alarm", "audit", "money"]
CLASSES: tuple[Class, ...] = get_args(Class)
LOG_CLASSES: tuple[Class, ...] = ("video_index", "vehicle", "door", "alarm")


class Bounds(msgspec.Struct, frozen=True):
    """Days: what is kept at least, unless set otherwise, and at most."""

    floor: int
    default: int
    ceiling: int


# Where each number comes from stands in docs/retention.md.
BOUNDS: Mapping[Class, Bounds] = MappingProxyType(
    {
        "video_index": Bounds(30, 30, 90),
        "vehicle": Bounds(30, 90, 180),
        "door": Bounds(30, 90, 180),
        "alarm": Bounds(90, 180, 730),
        "audit": Bounds(1_095, 1_095, 3_650),
        "money": Bounds(1_826, 3_650, 10_958),
    }
)
# In which streams a class is found: an alarm may also be a detection or a device that went away.
STREAMS_OF: Mapping[Class, frozenset[Stream]] = MappingProxyType(
    {
        "video_index": frozenset({"routine"}),
        "vehicle": frozenset({"money"}),
        "door": frozenset({"routine"}),
        "alarm": frozenset({"urgent", "routine", "money"}),
    }
)
_VIDEO_KINDS = frozenset({"detection"})
_VEHICLE_KINDS = frozenset({"plate", "barrier", "charging"})


class BadRetention(ValueError):
    """A term outside its bounds; the message names the class, the term and the bounds."""


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days each class is kept, from the moment the centre received the record."""

    video_index: int = BOUNDS["video_index"].default
    vehicle: int = BOUNDS["vehicle"].default
    door: int = BOUNDS["door"].default
    alarm: int = BOUNDS["alarm"].default
    audit: int = BOUNDS["audit"].default
    money: int = BOUNDS["money"].default

    def __post_init__(self) -> None:
        for name, bounds in BOUNDS.items():
            _check(name, self.days(name), bounds)
        longest = max(self.days(name) for name in LOG_CLASSES)
        if self.alarm < longest:
            raise BadRetention(f"retention.alarm = {self.alarm}: alarms are kept at least as long as what they lean on")

    def days(self, name: Class) -> int:
        """A class's term."""
        return getattr(self, name)

    def cutoff(self, name: Class, now: datetime) -> datetime:
        """What was received before then is past its term."""
        return now - timedelta(days=self.days(name))

    def by_length(self) -> list[tuple[int, list[Class]]]:
        """The log's classes by their term, the shortest first; those of one term together."""
        days = sorted({self.days(name) for name in LOG_CLASSES})
        return [(term, [name for name in LOG_CLASSES if self.days(name) == term]) for term in days]


def _check(name: Class, days: int, bounds: Bounds) -> None:
    if days < bounds.floor:
        raise BadRetention(f"retention.{name} = {days}: at least {bounds.floor} days must be kept")
    if days > bounds.ceiling:
        raise BadRetention(f"retention.{name} = {days}: at most {bounds.ceiling} days may be kept")


def class_of(event: Event, place: Place) -> Class:
    """The class of an event: what raised an alert belongs to the alarms, whatever its kind."""
    if stream_of(event) == "urgent" or BUILT_IN.fired(event, place) is not None:
        return "alarm"
    if event.kind in _VIDEO_KINDS:
        return "video_index"
    return "vehicle" if event.kind in _VEHICLE_KINDS else "door"


class Hold(msgspec.Struct, frozen=True):
    """What must be kept whatever its term: everything that fits all the criteria given. "" is no criterion.

    ``since`` and ``until`` bound when it happened; a hold with neither holds what is to come as well.
    """

    complex: str = ""
    plate: str = ""
    card: str = ""
    person: str = ""
    device: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not any((self.complex, self.plate, self.card, self.person, self.device, self.since, self.until)):
            raise ValueError("a hold names a complex, a plate, a card, a person, a device or a time")

    def holds(self, complex_id: str, device: str, at: datetime, names: Collection[str]) -> bool:
        """Whether it covers a record: ``names`` are the forms of ``subjects.forms`` that stand in it."""
        if (self.complex and self.complex != complex_id) or (self.device and self.device != device):
            return False
        if (self.since is not None and at < self.since) or (self.until is not None and at > self.until):
            return False
        return all(form in names for form in self.forms)

    @property
    def forms(self) -> list[str]:
        """Whom it names, in the form that is compared."""
        given: dict[Kind, str] = {"plate": self.plate, "card": self.card, "person": self.person}
        return [Subject(kind, value).form for kind, value in given.items() if value]

    @property
    def names_somebody(self) -> bool:
        return bool(self.plate or self.card or self.person)


def is_held(
    holds: Iterable[Hold], complex_id: str, event: Event, at: datetime, names: Collection[str] | None = None
) -> bool:
    """Whether any of the holds covers an event."""
    found = list(holds)
    if names is None:
        names = forms_in_event(event) if any(hold.names_somebody for hold in found) else ()
    return any(hold.holds(complex_id, event.device, at, names) for hold in found)


class Judge(msgspec.Struct, frozen=True):
    """Says of each event of a batch whether it is due."""

    terms: Terms
    place: Place
    now: datetime

    def due(
        self, event: Event, received_at: datetime, evidence: Collection[str], *, is_alarm: bool = False
    ) -> Class | None:
        """The class by which an event is past its term; None while it is not.

        ``evidence``: pictures that alerts show: what brought one is kept as long as the alert. ``is_alarm``: an alert
        stands because of it, whatever the rules say today.
        """
        if event.kind == TOMBSTONE:
            return None
        name = "alarm" if is_alarm else class_of(event, self.place)
        if name != "alarm" and any(media.sha256 in evidence for media in event.media if media.sha256):
            name = "alarm"
        return name if received_at < self.terms.cutoff(name, self.now) else None
