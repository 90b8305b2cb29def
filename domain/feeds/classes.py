"""Classes of data that a legal basis names, and to which of them a fact belongs."""

from __future__ import annotations

from typing import Literal, get_args

from domain.events import Event, stream_of

DataClass = Literal["alarm", "behaviour", "vehicle", "nonmotor", "person", "face", "door", "device", "disposition"]
CLASSES: tuple[DataClass, ...] = get_args(DataClass)
DISPOSITION: DataClass = "disposition"  # no records: a basis that names it lets its platform order whom to look for
OF_RECORDS: tuple[DataClass, ...] = tuple(name for name in CLASSES if name != DISPOSITION)

_NONMOTOR = frozenset(
    {"bicycle", "motorcycle", "e_bike", "ebike", "tricycle", "nonmotor", "non_motor_vehicle", "ebike_in_elevator"}
)
# ``motor_vehicle``: what a library below saw at a camera without a lane, with its plate where it could be read.
_VEHICLES = frozenset({"car", "truck", "bus", "van", "vehicle", "motor_vehicle"})
_PERSONS = frozenset({"person", "pedestrian", "people", "human"})
_INTRUSIONS = frozenset({"intrusion", "region_entered"})
# What a camera thinks of what somebody does. A class of its own: who may have fire and SOS may not have this by that.
_BEHAVIOUR = _INTRUSIONS | {
    "region_left",
    "line_crossed",
    "line_crossing",
    "tripwire",
    "loitering",
    "person_stay",
    "crowd",
    "fight",
    "running",
    "fast_moving",
    "wrong_way",
    "object_left",
    "object_taken",
}
_BY_KIND: dict[str, DataClass] = {"alarm": "alarm", "plate": "vehicle", "access": "door", "availability": "device"}
_ALARMING_DOORS = frozenset({"forced_open", "held_open"})


def class_of(event: Event) -> DataClass | None:
    """None of what no platform is owed: money, measurements, answers to orders, what was not understood."""
    match event.kind:
        case "door":
            return "alarm" if event.state in _ALARMING_DOORS else "door"
        case "detection":
            return _seen(event.label or "")
        case kind:
            return _BY_KIND.get(kind)


def is_urgent(event: Event) -> bool:
    """Alarms go before all else, whatever waits, and so does whoever enters where nobody may."""
    is_intrusion = event.kind == "detection" and event.label in _INTRUSIONS
    return class_of(event) == "alarm" or is_intrusion or stream_of(event) == "urgent"


def _seen(label: str) -> DataClass | None:
    if label in _NONMOTOR:
        return "nonmotor"
    if label in _VEHICLES:
        return "vehicle"
    if label in _PERSONS:
        return "person"
    if label in _BEHAVIOUR:
        return "behaviour"
    return "face" if label == "face" else None
