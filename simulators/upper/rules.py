"""What a platform that goes by the letter looks at in an object; written from the reference's field tables."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, cast

from simulators.upper.found import Found, Said

_BOX = ("LeftTopX", "LeftTopY", "RightBtmX", "RightBtmY")
_TRISTATE = (
    "IsDriver",
    "IsForeigner",
    "IsSuspectedTerrorist",
    "IsCriminalInvolved",
    "IsDetainees",
    "IsVictim",
    "IsSuspiciousPerson",
)
_VEHICLE = ("StorageUrl1", "PassTime", "HasPlate", "PlateClass", "PlateColor", "PlateNo", "VehicleColor")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "MotorVehicle": ("InfoKind", "SourceID", "DeviceID", *_VEHICLE),
    "NonMotorVehicle": ("InfoKind", "SourceID", "DeviceID"),
    "Person": ("InfoKind", "SourceID", "DeviceID", *_TRISTATE),
    "Face": ("InfoKind", "SourceID", "DeviceID", *_TRISTATE),
    "APE": ("Name", "Model", "IPAddr", "Port", "Longitude", "Latitude", "PlaceCode", "IsOnline", "FunctionType"),
    "APEStatus": ("IsOnline", "CurrentTime"),
    "Tollgate": ("Name", "Longitude", "Latitude", "PlaceCode", "Status", "TollgateCat", "TollgateUsage"),
    "Lane": ("TollgateID", "LaneId", "LaneNo"),
    "SubscribeNotification": ("SubscribeID", "TriggerTime", "InfoIDs", "ExecuteOperation"),
    "DispositionNotification": ("DispositionID", "TriggerTime", "CntObjectID"),
}
_OF_CAPTURE = {"MotorVehicle": (*_BOX, "LaneNo"), "NonMotorVehicle": _BOX, "Person": _BOX, "Face": _BOX}
_SUB_IMAGE = ("ImageID", "EventSort", "DeviceID", "Type", "FileFormat", "ShotTime", "Width", "Height")
_SEMANTIC = {"Person": "01", "MotorVehicle": "02", "NonMotorVehicle": "03", "Face": "06"}
_NUMBERED = {"SubscribeNotification": "04", "DispositionNotification": "02"}


def fault_in(one: Found) -> str:
    """What is wrong with an object; "" where nothing is."""
    required = _REQUIRED.get(one.kind, ())
    if not one.within and one.said.get("InfoKind") == 1:
        required += _OF_CAPTURE.get(one.kind, ())
    missing = [name for name in required if one.said.get(name) is None]
    if missing:
        return f"{one.kind}: {', '.join(missing)} missing"
    if "Password" in one.said:
        return f"{one.kind}: a password is not sent upward"
    return _number_fault(one) or _times_fault(one.said) or _pictures_fault(one.said)


def _number_fault(one: Found) -> str:
    if one.kind in _SEMANTIC:
        return _semantic_fault(one, _SEMANTIC[one.kind])
    if one.kind in _NUMBERED:
        right = len(one.id) == 33 and one.id.isdigit() and one.id[12:14] == _NUMBERED[one.kind]
        return "" if right and _is_time(one.id[14:28]) else f"{one.id!r} is no number of a {one.kind}"
    if one.kind in ("APE", "APEStatus", "Tollgate"):
        return "" if _digits(one.id, 20) else f"{one.id!r} is no code of a device"
    return "" if one.id else f"a {one.kind} without a number"


def _semantic_fault(one: Found, subtype: str) -> str:
    """48 digits: the image's 41, the kind's two, and a serial; the image's begin with the device."""
    source, device = str(one.said["SourceID"]), str(one.said["DeviceID"])
    if not _digits(one.id, 48) or one.id[:41] != source or one.id[41:43] != subtype:
        return f"{one.id!r} is no number of a {one.kind} in {source!r}"
    if not _digits(device, 20) or source[:20] != device or source[20:22] not in ("01", "02", "03", "99"):
        return f"{source!r} is no image of {device!r}"
    return "" if _is_time(source[22:36]) else f"{source!r} has no time"


def _times_fault(said: Said) -> str:
    named = [name for name in said if name.endswith("Time") and said[name] is not None]
    wrong = [name for name in named if not _is_time(said[name])]
    return f"{', '.join(wrong)}: yyyyMMddHHmmss is wanted" if wrong else ""


def _pictures_fault(said: Said) -> str:
    pictures = said.get("SubImageList")
    if pictures is None:
        return ""
    inner = cast("Said", pictures).get("SubImageInfoObject") if isinstance(pictures, dict) else None
    if not isinstance(inner, list):
        return "SubImageList: SubImageInfoObject[] is wanted"
    return next((fault for one in cast("list[Said]", inner) if (fault := _picture_fault(one))), "")


def _picture_fault(one: Said) -> str:
    missing = [name for name in _SUB_IMAGE if one.get(name) in (None, "")]
    if missing:
        return f"SubImageInfoObject: {', '.join(missing)} missing"
    if not _digits(str(one["ImageID"]), 41):
        return f"{one['ImageID']!r} is no number of an image"
    if one["FileFormat"] == "Jpeg" and one.get("Data") and not _is_jpeg(one["Data"]):
        return "Data is no base64 of a JPEG"
    return ""


def _is_jpeg(text: Any) -> bool:
    try:
        return base64.b64decode(text, validate=True)[:2] == b"\xff\xd8"
    except (binascii.Error, TypeError, ValueError):
        return False


def _digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not _digits(value, 14):
        return False
    try:
        datetime.strptime(value, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return True
