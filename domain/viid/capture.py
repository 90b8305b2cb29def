"""What objects of the standard say of a capture, by our words: one table for our gateways and our view library."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_PASSED = ("PassTime", "AppearTime", "MarkTime", "ShotTime")
# Fields that may tell when it was, the better first.
TIMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "MotorVehicle": _PASSED,
        "NonMotorVehicle": _PASSED,
        "Face": ("FaceAppearTime", "ShotTime", "AppearTime", "LocationMarkTime", "FaceDisAppearTime"),
        "Person": ("PersonAppearTime", "ShotTime", "AppearTime", "LocationMarkTime", "PersonDisAppearTime"),
        "Image": ("ShotTime",),
    }
)
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "MotorVehicle": "motor_vehicle",
        "NonMotorVehicle": "non_motor_vehicle",
        "Face": "face",
        "Person": "person",
        "Image": "snapshot",
    }
)
# Kept as they came, beside our words for them.
RAW_CODES = ("PlateClass", "VehicleClass", "VehicleColor", "VehicleType", "Direction", "PlateColor", "InfoKind")
DOUBTS = ("IsDecked", "IsAltered", "IsCovered")
NO_PLATE = frozenset({"0", "2", "false"})  # HasPlate
MOST_PICTURES = 20  # of one object
