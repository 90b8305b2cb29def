"""Identifiers of GA/T 1400.1: 20 digits for a device, 41 for a picture, 48 for what is seen, 33 for an office."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from domain.viid.times import read_stamp, stamp

MOST_SERIAL = 99_999  # five digits, a second and a device
# Digits 11 to 13 of a code of twenty.
TYPES: Mapping[str, str] = MappingProxyType(
    {
        "119": "capture_device",
        "120": "capture_system",
        "121": "tollgate",
        "131": "camera",
        "132": "network_camera",
        "502": "analysis_system",
        "503": "library",
        "504": "application",
        "505": "analysis_device",
    }
)
_BASIC: Mapping[str, str] = MappingProxyType({"VideoSlice": "01", "Image": "02", "File": "03"})
_SEMANTIC: Mapping[str, str] = MappingProxyType(
    {
        "Person": "01",
        "MotorVehicle": "02",
        "NonMotorVehicle": "03",
        "Thing": "04",
        "Scene": "05",
        "Face": "06",
        "VideoLabel": "07",
    }
)
_ISSUED: Mapping[str, str] = MappingProxyType(
    {"Disposition": "01", "DispositionNotification": "02", "Subscribe": "03", "SubscribeNotification": "04"}
)
_OTHER = "99"
_IMAGE = re.compile(r"[0-9]{41}")
_CODE, _ORG = re.compile(r"[0-9]{20}"), re.compile(r"[0-9]{12}")
_NAMES = ({of: name for name, of in table.items()} for table in (_BASIC, _SEMANTIC, _ISSUED))
_BASIC_NAMES, _SEMANTIC_NAMES, _ISSUED_NAMES = _NAMES


class BadId(ValueError):
    """What was given is no identifier of the standard: which, and why."""


class Parsed(msgspec.Struct, frozen=True):
    """An identifier taken apart. ``issuer``: the device's twenty digits, or the office's twelve."""

    issuer: str
    name: str  # MotorVehicle, Image, Subscribe …; "other" for what the tables do not name
    at: datetime
    serial: int
    image: str = ""  # of a semantic object: the picture that it was seen in


def checked_code(text: str, what: str = "code") -> str:
    """A code of twenty digits as it is. Raises BadId: the police assign them, nobody makes one up."""
    if not _CODE.fullmatch(text):
        raise BadId(f"{what} {text!r} is not of twenty digits: enter the one that the police assigned")
    return text


def type_of(code: str) -> str:
    """The three digits that say what a code names."""
    return checked_code(code)[10:13]


def basic_id(code: str, name: str, at: datetime, serial: int) -> str:
    """41 digits: a picture (``Image``), a slice of video, a file. Raises BadId."""
    return f"{checked_code(code)}{_BASIC.get(name, _OTHER)}{stamp(at)}{_five(serial)}"


def object_id(image: str, name: str, serial: int = 1) -> str:
    """48 digits: what was seen in the picture whose 41 it begins with. Raises BadId."""
    if not _IMAGE.fullmatch(image):
        raise BadId(f"{image!r} is no picture's id of 41 digits")
    return f"{image}{_SEMANTIC.get(name, _OTHER)}{_five(serial)}"


def issued_id(org: str, name: str, at: datetime, serial: int) -> str:
    """33 digits: a disposition, a subscription, a notification of an office of twelve digits. Raises BadId."""
    if not _ORG.fullmatch(org):
        raise BadId(f"office {org!r} is not of twelve digits (GA/T 543)")
    return f"{org}{_ISSUED.get(name, _OTHER)}{stamp(at)}{_five(serial)}"


def parse(text: str) -> Parsed:
    """An identifier of 33, 41 or 48 digits, taken apart. Raises BadId."""
    if not (text.isascii() and text.isdigit()) or len(text) not in (33, 41, 48):
        raise BadId(f"{text[:60]!r} is no identifier of 33, 41 or 48 digits")
    try:
        return _parsed(text)
    except ValueError as error:
        raise BadId(f"{text!r}: {error}") from error


def _parsed(text: str) -> Parsed:
    if len(text) == 33:
        name = _ISSUED_NAMES.get(text[12:14], "other")
        return Parsed(text[:12], name, read_stamp(text[14:28]), int(text[28:]))
    at, serial = read_stamp(text[22:36]), int(text[36:41])
    if len(text) == 41:
        return Parsed(text[:20], _BASIC_NAMES.get(text[20:22], "other"), at, serial)
    return Parsed(text[:20], _SEMANTIC_NAMES.get(text[41:43], "other"), at, int(text[43:]), text[:41])


def _five(serial: int) -> str:
    if not 1 <= serial <= MOST_SERIAL:
        raise BadId(f"serial {serial} is not of 1 to {MOST_SERIAL}")
    return f"{serial:05}"
