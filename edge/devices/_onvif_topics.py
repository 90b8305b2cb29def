"""What ONVIF topics mean. Sources: ONVIF Core and Analytics specifications, Axis' and Bosch's public topic lists."""

from __future__ import annotations

from types import MappingProxyType

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """The kind of our event; ``name`` is its label or alarm, ``points`` what its source is called here."""

    kind: str
    name: str = ""
    lasts: bool = True  # whether a field says that it began or is over


# The end of the topic, without namespaces; the longest that fits counts.
_MEANINGS: MappingProxyType[tuple[str, ...], Meaning] = MappingProxyType(
    {
        ("Sensor", "PIR"): Meaning("detection", "motion"),
        ("VideoSource", "MotionAlarm"): Meaning("detection", "motion"),
        ("CellMotionDetector", "Motion"): Meaning("detection", "motion"),
        ("MotionRegionDetector", "Motion"): Meaning("detection", "motion"),
        ("MotionDetector", "Motion"): Meaning("detection", "motion"),
        ("CameraApplicationPlatform", "VMD"): Meaning("detection", "motion"),
        ("CameraApplicationPlatform", "ObjectAnalytics"): Meaning("detection", "object"),
        ("CameraApplicationPlatform", "FenceGuard"): Meaning("detection", "intrusion"),
        ("CameraApplicationPlatform", "LoiteringGuard"): Meaning("detection", "loitering"),
        ("FieldDetector", "ObjectsInside"): Meaning("detection", "object"),
        ("LineDetector", "Crossed"): Meaning("detection", "object", lasts=False),
        ("LoiteringDetector", "ObjectIsLoitering"): Meaning("detection", "loitering"),
        ("Recognition", "LicensePlate"): Meaning("plate", lasts=False),
        ("Recognition", "Face"): Meaning("detection", "face", lasts=False),
        ("MyRuleDetector", "PeopleDetect"): Meaning("detection", "person"),
        ("PeopleDetector", "People"): Meaning("detection", "person"),
        ("MyRuleDetector", "VehicleDetect"): Meaning("detection", "vehicle"),
        ("MyRuleDetector", "FaceDetect"): Meaning("detection", "face"),
        ("MyRuleDetector", "DogCatDetect"): Meaning("detection", "animal"),
        ("AudioSource", "TriggerLevel"): Meaning("detection", "sound"),
        ("DetectedSound",): Meaning("detection", "sound"),
        ("IO", "Port"): Meaning("input"),
        ("IO", "VirtualPort"): Meaning("input"),
        ("IO", "VirtualInput"): Meaning("input"),
        ("Trigger", "DigitalInput"): Meaning("input"),
        ("Trigger", "Relay"): Meaning("input"),
        ("VideoSource", "Tampering"): Meaning("alarm", "tamper", lasts=False),
        ("TamperDetector", "Tamper"): Meaning("alarm", "tamper"),
        ("GlobalSceneChange",): Meaning("alarm", "tamper"),
        ("Casing", "Open"): Meaning("alarm", "tamper"),
        ("VideoSource", "SignalLoss"): Meaning("alarm", "video_loss"),
        ("VideoSource", "VideoLoss"): Meaning("alarm", "video_loss"),
        ("ImageTooBlurry",): Meaning("alarm", "image_fault"),
        ("ImageTooDark",): Meaning("alarm", "image_fault"),
        ("ImageTooBright",): Meaning("alarm", "image_fault"),
        ("HardwareFailure",): Meaning("alarm", "device_fault"),
        ("Storage", "Failure"): Meaning("alarm", "device_fault"),
        ("CountAggregation", "Counter"): Meaning("measurement", "count"),
    }
)
_MAX_LEVELS = 16

CLASSES = MappingProxyType({"human": "person", "humanface": "face", "bike": "bicycle", "vehicel": "vehicle"})

# The fields that say whether something began or is over, or what a contact is.
STATE_FIELDS = (
    "state",
    "State",
    "LogicalState",
    "active",
    "Active",
    "IsMotion",
    "IsInside",
    "IsLoitering",
    "IsTamper",
    "IsPeople",
    "IsSoundDetected",
    "triggered",
    "Open",
    "open",
    "tampering",
    "Failed",
    "disruption",
    "Loss",
    "Value",
)
ON_WORDS = frozenset({"1", "true", "active", "on", "open", "high"})
OFF_WORDS = frozenset({"0", "false", "inactive", "off", "closed", "low"})

# What a source's field is called in our points.
POINTS = MappingProxyType(
    {
        "sensor": "sensor",
        "port": "port",
        "InputToken": "input",
        "RelayToken": "relay",
        "RelayInputToken": "input",
        "Token": "token",
    }
)
CHANNELS = ("VideoSource", "VideoSourceToken", "VideoSourceConfigurationToken", "channel", "Source")


def meaning_of(levels: tuple[str, ...]) -> Meaning | None:
    """What the most special part of a topic that we know means; None for none."""
    levels = levels[:_MAX_LEVELS]
    for size in (2, 1):
        for start in range(len(levels) - size, -1, -1):
            found = _MEANINGS.get(levels[start : start + size])
            if found is not None:
                return found
    return None


def bare(topic: str) -> tuple[str, ...]:
    """The levels of a topic without namespaces, however they are written: ``tns:axis/IO``, ``axis:IO``, ``tns1:IO``."""
    found: list[str] = []
    for level in topic.split("/"):
        head, colon, tail = level.rpartition(":")
        if not (colon and head.startswith("tns") and tail.islower()):
            found.append(tail)
    return tuple(level for level in found if level)
