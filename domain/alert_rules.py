"""Which events are alerts: pure rules, each a function of one event and its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from domain.events import Event
from domain.ids import derive
from domain.places import Place
from domain.sketch import Sketch

Severity = Literal["critical", "high", "medium", "low"]
Lateness = Literal["live", "recent", "late"]

LIVE_WITHIN = timedelta(seconds=60)
RECENT_WITHIN = timedelta(minutes=30)
_APPEARS = ("start", "instant")
_CRITICAL_ALARMS = frozenset({"fire", "smoke", "sos", "duress", "gas"})
_HIGH_ALARMS = frozenset(
    {"water_leak", "tamper", "fire_system_fault", "theft", "door_lock_out", "lock_down", "charger_overheat"}
)
_FIRE_ALARMS, _DEVICE_ALARMS = frozenset({"fire", "smoke", "gas", "fire_system_fault"}), frozenset({"clock_skew"})


class Fired(msgspec.Struct, frozen=True):
    """A rule that fired on an event."""

    rule: str
    severity: Severity
    category: str  # security | fire | safety | device


Rule = Callable[[Event, Place], Fired | None]


def fired(event: Event, place: Place) -> Iterator[Fired]:
    """Every alert an event is. A retained message states what was, so it never is one."""
    if event.retained:
        return
    for rule in RULES:
        found = rule(event, place)
        if found is not None:
            yield found


def may_fire(sketch: Sketch) -> bool:
    """Whether a rule might fire on the event of this sketch: true for every event on which one does."""
    match sketch.kind:
        case "alarm":
            return True
        case "door":
            return sketch.state in ("forced_open", "held_open")
        case "access":
            return sketch.result == "denied"
        case "detection":
            return sketch.label == "vehicle_tailgating" or (sketch.label == "person" and sketch.phase in _APPEARS)
        case "availability":
            return sketch.state == "offline"
        case _:
            return False


def alert_id(rule: str, event_id: bytes) -> str:
    """One alert per cause: the same rule on the same event is the same alert, wherever it is derived."""
    return derive("alert", rule, event_id.hex()).hex()


def lateness(occurred_at: datetime, received_at: datetime, *, unsure: bool = False) -> Lateness:
    """How honest "now" would be: live rings, recent is shown, late goes to review.

    An unsure time is never reason enough to put an alarm away: at worst it is recent.
    """
    age = received_at - occurred_at
    if age <= LIVE_WITHIN:
        return "live"
    return "recent" if unsure or age <= RECENT_WITHIN else "late"


def door_forced(event: Event, _place: Place) -> Fired | None:
    """A door opened against its lock."""
    if event.kind == "door" and event.state == "forced_open":
        return Fired("door_forced", "critical", "security")
    return None


def door_held_open(event: Event, _place: Place) -> Fired | None:
    """A door that should have closed."""
    if event.kind == "door" and event.state == "held_open":
        return Fired("door_held_open", "medium", "security")
    return None


def access_denied(event: Event, _place: Place) -> Fired | None:
    """Someone tried a credential that opens nothing."""
    if event.kind == "access" and event.result == "denied":
        return Fired("access_denied", "low", "security")
    return None


def person_at_night(event: Event, place: Place) -> Fired | None:
    """A person where nobody should be in the quiet hours; once, when the person appears."""
    appears = event.kind == "detection" and event.label == "person" and event.phase in _APPEARS
    if appears and event.ext.get("zone") == "restricted" and place.is_quiet(event.occurred_at):
        return Fired("person_at_night", "high", "security")
    return None


def alarm(event: Event, _place: Place) -> Fired | None:
    """What a device itself calls an alarm, while it lasts; tests and all-clears are none."""
    if event.kind != "alarm" or event.state in ("cleared", "test") or event.alarm == "conservation_gap":
        return None
    name = event.alarm or "other"
    severity: Severity = "critical" if name in _CRITICAL_ALARMS else "high" if name in _HIGH_ALARMS else "medium"
    category = "fire" if name in _FIRE_ALARMS else "device" if name in _DEVICE_ALARMS else "safety"
    return Fired(f"alarm_{name}", severity, category)


def conservation_gap(event: Event, _place: Place) -> Fired | None:
    """The centre found that a day's records at a gateway and at the centre do not add up."""
    if event.kind == "alarm" and event.alarm == "conservation_gap":
        return Fired("conservation_gap", "high", "device")
    return None


def tailgating(event: Event, _place: Place) -> Fired | None:
    """A vehicle that slipped through behind another."""
    if event.kind == "detection" and event.label == "vehicle_tailgating":
        return Fired("vehicle_tailgating", "medium", "security")
    return None


def device_offline(event: Event, _place: Place) -> Fired | None:
    """A device, or a part of it, that says it is gone."""
    if event.kind == "availability" and event.state == "offline":
        return Fired("device_offline", "low", "device")
    return None


RULES: tuple[Rule, ...] = (
    door_forced,
    door_held_open,
    access_denied,
    person_at_night,
    alarm,
    conservation_gap,
    tailgating,
    device_offline,
)
