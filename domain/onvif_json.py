"""A fact as an event of ONVIF in JSON: the topic that ONVIF has for it, or ours; source, key, data. Pure.

After the Core Specification's events over MQTT: PREFIX/onvif-ej/TOPIC/SOURCE…
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from domain.events import Event, utc_ms

FORMAT = "onvif-ej"
_UNSAFE = re.compile(r"[%/+#$\x00-\x1f\x7f-\x9f]")  # have a meaning in topics of MQTT, or none that can be printed

# State of a door -> topic, and the word that ONVIF has for it.
_DOORS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "open": ("Door/State/DoorPhysicalState", "Open"),
        "closed": ("Door/State/DoorPhysicalState", "Closed"),
        "locked": ("Door/State/DoorMode", "Locked"),
        "unlocked": ("Door/State/DoorMode", "Unlocked"),
        "forced_open": ("Door/State/DoorAlarm", "DoorForcedOpen"),
        "held_open": ("Door/State/DoorAlarm", "DoorOpenTooLong"),
    }
)
_DETECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "motion": "VideoSource/MotionAlarm",
        "intrusion": "RuleEngine/FieldDetector/ObjectsInside",
        "line_crossed": "RuleEngine/LineDetector/Crossed",
        "loitering": "RuleEngine/LoiteringDetector/ObjectIsLoitering",
        "face": "RuleEngine/Recognition/Face",
    }
)
_ACCESS: Mapping[str, str] = MappingProxyType(
    {"granted": "AccessControl/AccessGranted/Credential", "denied": "AccessControl/Denied/Credential"}
)


class Told(msgspec.Struct, frozen=True):
    """A message: where it goes, and what it says."""

    topic: str
    body: bytes


def told(prefix: str, complex_id: str, identity: bytes, event: Event) -> Told:
    """``prefix``: the receiver's own levels. A device's words become one level each, and stay different."""
    source = [complex_id, event.device, *([event.point] if event.point else [])]
    levels = [*([prefix] if prefix else []), FORMAT, topic_of(event), *(level(one) for one in source)]
    said = {
        "UtcTime": utc_ms(event.occurred_at),
        "Source": dict(zip(("Complex", "Device", "Point"), source, strict=False)),
        "Key": {"Id": identity.hex()},
        "Data": _data(event),
    }
    return Told("/".join(levels), msgspec.json.encode(said))


def topic_of(event: Event) -> str:
    """ONVIF's where it has one."""
    state, result, label = event.state or "", event.result or "", event.label or ""
    match event.kind:
        case "door" if state in _DOORS:
            return _DOORS[state][0]
        case "access" if result in _ACCESS:
            return _ACCESS[result]
        case "plate":
            return "RuleEngine/Recognition/LicensePlate"
        case "detection" if label in _DETECTIONS:
            return _DETECTIONS[label]
        case kind:
            word = event.alarm or label or result
            return "/".join(["Gatehouse", level(kind.capitalize()), *([level(word)] if word else [])])


def level(text: str) -> str:
    """One level of a topic."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text) or "%"


def _data(event: Event) -> dict[str, Any]:
    """What is known, by ONVIF's names where it has any; who somebody is only as far as the fact still says so."""
    door = _DOORS.get(event.state or "") if event.kind == "door" else None
    subject = event.subject
    is_plate = subject is not None and subject.type == "plate"
    said = {
        "State": door[1] if door else event.state,
        "Phase": event.phase,
        "Alarm": event.alarm,
        "Label": event.label,
        "Result": event.result,
        "Direction": event.direction,
        "Place": event.place,
        "Confidence": event.confidence,
        "PlateNumber": subject.id if subject and is_plate else None,
        "PlateColor": subject.plate_color if subject and is_plate else None,
        "CredentialHolderName": subject.name if subject and not is_plate else None,
        "Pictures": [one.sha256 for one in event.media if one.sha256] or None,
    }
    return {name: value for name, value in said.items() if value is not None}
