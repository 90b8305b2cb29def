"""What a rule asks of an event: which fields say what, at which hours of which days. Empty asks nothing."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from domain.events import KINDS, Event
from domain.places import BadHours, Hours, Place, hours

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Meta(max_length=64)]
_SPAN = re.compile(r"(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")


class Glance(NamedTuple):
    """What a sketch has of an event that rules ask for."""

    kind: str
    state: str | None
    label: str | None
    result: str | None
    phase: str


_PLAIN = (*Glance._fields, "alarm", "reason", "place", "lane")


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the words in every field that is given. A device may end in ``*``: whatever begins so.

    ``zone``: the device's in the complex's list, or one of the camera's own. ``subject``: its type, as ``plate``.
    ``color``: of a plate, which is its class. ``confidence``: at least so sure, where the device says how sure it is.
    """

    kind: Words = ()
    state: Words = ()
    alarm: Words = ()
    label: Words = ()
    result: Words = ()
    reason: Words = ()
    phase: Words = ()
    place: Words = ()
    lane: Words = ()
    zone: Words = ()
    device: Words = ()
    subject: Words = ()
    color: Words = ()
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None

    def __post_init__(self) -> None:
        odd = [kind for kind in self.kind if kind not in KINDS]
        if odd:
            raise ValueError(f"`kind`: no kind of event {odd[0]!r}; there are {', '.join(KINDS)}")
        if not self._asked:
            raise ValueError("`when`: asks nothing, so it would hold for every event; name at least a kind")

    def holds(self, event: Event) -> bool:
        """Whether an event is meant."""
        said = all(getattr(event, name) in wanted for name in _PLAIN if (wanted := getattr(self, name)))
        return said and self._is_there(event) and self._is_of(event)

    def _is_there(self, event: Event) -> bool:
        zones = {*event.zones, event.ext.get("zone")}
        in_zone = not self.zone or any(zone in zones for zone in self.zone)
        return in_zone and (not self.device or any(_fits(one, event.device) for one in self.device))

    def _is_of(self, event: Event) -> bool:
        subject = event.subject
        kind, color = (subject.type, subject.plate_color) if subject else (None, None)
        sure = self.confidence is None or event.confidence is None or event.confidence >= self.confidence
        return sure and (not self.subject or kind in self.subject) and (not self.color or color in self.color)

    def may_hold(self, glance: Glance) -> bool:
        """True for every event for which it holds."""
        return all(getattr(glance, name) in wanted for name in Glance._fields if (wanted := getattr(self, name)))

    @property
    def is_seen_at_a_glance(self) -> bool:
        """Whether a glance is enough to tell."""
        return self._asked <= set(Glance._fields)

    @property
    def _asked(self) -> set[str]:
        return {name for name in self.__struct_fields__ if getattr(self, name) not in ((), None)}


class During(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a rule counts, by the clocks of the complex: in its quiet hours, in hours as ``22:00-05:00``, on which days.

    The day of a moment is its own, after midnight too. Quiet hours and hours together: in either.
    """

    quiet: bool = False
    hours: Words = ()
    days: Literal["any", "workday", "restday"] = "any"

    def __post_init__(self) -> None:
        for span in self.hours:
            _hours(span)

    def holds(self, at: datetime, place: Place) -> bool:
        if self.days != "any" and place.day_kind(at) != self.days:
            return False
        if not self.quiet and not self.hours:
            return True
        local = at.astimezone(place.zone).time()
        return (self.quiet and place.is_quiet(at)) or any(_hours(span).hold(local) for span in self.hours)


def _fits(pattern: str, device: str) -> bool:
    return device.startswith(pattern[:-1]) if pattern.endswith("*") else device == pattern


@lru_cache(1024)
def _hours(span: str) -> Hours:
    """Raises ValueError."""
    found = _SPAN.fullmatch(span)
    try:
        if found is None:
            raise BadHours(f"{span!r} is no span of hours like 22:00-05:00")
        return hours(found["start"], found["end"])
    except BadHours as error:
        raise ValueError(f"`hours`: {error}") from error
