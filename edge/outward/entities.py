"""What an event shows of a device outside: doors, barriers, sensors, plates as a count. Pure; people are not shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from domain.events import Event

OPEN = frozenset({"open", "opening", "forced_open", "held_open"})
SHUT = frozenset({"closed", "closing"})
_LOCKS = MappingProxyType({"unlocked": "ON", "locked": "OFF"})
_SWITCHES = MappingProxyType({"on": "ON", "off": "OFF"})
PLATES = "plates"
_MOMENT_S = 60  # so long an alarm is shown that is said at once, and never ended

# Home Assistant's classes. ``duress`` is not among them: whoever forces somebody must not read it on a wall.
_ALARMS: Mapping[str, str] = MappingProxyType(
    {
        "smoke": "smoke",
        "fire": "smoke",
        "gas": "gas",
        "water_leak": "moisture",
        "tamper": "tamper",
        "vibration": "vibration",
        "battery_low": "battery",
        "sos": "safety",
        "video_loss": "problem",
        "image_fault": "problem",
        "device_fault": "problem",
        "fire_system_fault": "problem",
    }
)
# Metric -> class, unit, how it counts, what it is multiplied by.
_METRICS: Mapping[str, tuple[str, str, str, float]] = MappingProxyType(
    {
        "battery_pct": ("battery", "%", "measurement", 1.0),
        "temperature_c": ("temperature", "°C", "measurement", 1.0),
        "humidity_pct": ("humidity", "%", "measurement", 1.0),
        "power_w": ("power", "W", "measurement", 1.0),
        "energy_wh": ("energy", "Wh", "total_increasing", 1.0),
        "voltage_mv": ("voltage", "V", "measurement", 0.001),
    }
)


class Entity(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing of a device that Home Assistant shows. ``name`` is its level in our topics, unique in its device."""

    name: str
    platform: Literal["binary_sensor", "sensor", "button"]
    device_class: str = ""
    unit: str = ""
    state_class: str = ""
    label: str = ""  # what tells it from others of its class
    off_delay_s: int = 0


class Shown(msgspec.Struct, frozen=True):
    """An entity with its state: ON, OFF or a number. ``word`` is ours, where it says more."""

    entity: Entity
    state: str | float
    word: str = ""


def shown_by(event: Event) -> Iterator[Shown]:
    """What an event says of its device's entities. A stored record tells how it was, not how it is."""
    if event.time_quality == "replay":
        return
    match event.kind:
        case "door":
            yield from _door(event)
        case "barrier" if event.label is None:
            yield from _opening(event, "barrier", "opening")
        case "alarm" if event.alarm in _ALARMS:
            yield from _alarm(event, event.alarm or "")
        case "input":
            yield from _input(event)
        case "measurement":
            yield from _measurement(event)
        case _:
            return


def _named(what: str, event: Event) -> str:
    return f"{what}-{event.point}" if event.point else what


def _door(event: Event) -> Iterator[Shown]:
    if event.state in _LOCKS:
        entity = Entity(_named("lock", event), "binary_sensor", "lock", label=event.point or "")
        yield Shown(entity, _LOCKS[event.state or ""], event.state or "")
    else:
        yield from _opening(event, "door", "door")


def _opening(event: Event, what: str, device_class: str) -> Iterator[Shown]:
    if event.state in OPEN or event.state in SHUT:
        entity = Entity(_named(what, event), "binary_sensor", device_class, label=event.label or event.point or "")
        yield Shown(entity, "ON" if event.state in OPEN else "OFF", event.state or "")


def _alarm(event: Event, alarm: str) -> Iterator[Shown]:
    """A test of a smoke detector is no smoke."""
    label = " ".join(part for part in (alarm, event.point) if part)
    delay_s = _MOMENT_S if event.phase == "instant" else 0
    entity = Entity(_named(alarm, event), "binary_sensor", _ALARMS[alarm], label=label, off_delay_s=delay_s)
    yield Shown(entity, "ON" if event.state == "active" else "OFF", event.state or "")


def _input(event: Event) -> Iterator[Shown]:
    value = _SWITCHES.get(event.state or "")
    if value is None and not isinstance(event.value, str) and event.value in (0, 1):
        value = "ON" if event.value else "OFF"
    if value is not None:
        entity = Entity(_named("input", event), "binary_sensor", label=event.point or "input")
        yield Shown(entity, value, event.state or "")


def _measurement(event: Event) -> Iterator[Shown]:
    for metric, (device_class, unit, counts, factor) in _METRICS.items():
        number = event.metrics.get(metric)
        if number is not None:
            entity = Entity(_named(metric, event), "sensor", device_class, unit, counts, event.point or "")
            yield Shown(entity, round(number * factor, 3))


def plates(count: int, word: str = "") -> Shown:
    """So many cars since the agent started; ``word`` is the newest plate, where those are to be told."""
    return Shown(Entity(PLATES, "sensor", state_class="total_increasing", label="plates"), count, word)
