"""The directory of a complex: its cameras, gates and lanes as GA/T 1400 lists them. Never with a way into a camera."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from domain.viid.enumerations import fits
from domain.viid.envelopes import Fields
from domain.viid.fields import field_of
from domain.viid.sources import Coded

# What must stand, and says that it is not known.
OTHERWISE: Mapping[str, Any] = MappingProxyType({"Direction": "9", "FunctionType": "99", "PlaceCode": "000000"})


def camera(coded: Coded, *, is_online: bool, owner: str = "") -> Fields:
    """An APE of the directory: never with a way into it."""
    said: Fields = {
        "ApeID": coded.code,
        "Name": coded.name or coded.code,
        "Model": coded.model,
        "IPAddr": coded.ipv4,
        "Port": coded.port,
        "Longitude": coded.longitude,
        "Latitude": coded.latitude,
        "PlaceCode": coded.place_code or coded.code[:6],
        "IsOnline": 1 if is_online else 2,
        "FunctionType": coded.function,
    }
    more = {
        "IPV6Addr": coded.ipv6,
        "Place": coded.place,
        "OrgCode": coded.org_code,
        "OwnerApsID": owner,
        "MonitorDirection": coded.direction,
    }
    return _fitted("APE", said | {name: value for name, value in more.items() if value})


def camera_status(code: str, at: str, *, is_online: bool) -> Fields:
    """An APEStatus, as subscribers to directories get it."""
    return {"ApeID": code, "IsOnline": 1 if is_online else 2, "CurrentTime": at}


def tollgate(coded: Coded, lanes: int) -> Fields:
    """A gate of a complex: neither checkpoint nor road, for public order."""
    said: Fields = {
        "TollgateID": coded.tollgate,
        "Name": coded.place or coded.name or coded.tollgate,
        "Longitude": coded.longitude,
        "Latitude": coded.latitude,
        "PlaceCode": coded.place_code or coded.tollgate[:6],
        "Status": 1,
        "TollgateCat": "99",
        "TollgateUsage": "80",
        "LaneNum": lanes,
    }
    return _fitted("Tollgate", said)


def lane(coded: Coded) -> Fields:
    """A lane of a gate, and the camera that watches it."""
    said = {"TollgateID": coded.tollgate, "LaneId": coded.lane, "LaneNo": coded.lane}
    more = {"Name": coded.name or coded.code, "Direction": coded.direction, "ApeID": coded.code}
    return _fitted("Lane", said | more)


def _fitted(name: str, said: Fields) -> Fields:
    """No longer than the field tables have it, and no code that their tables lack: sheets may be older than either."""
    cut = {key: _cut(name, key, value) for key, value in said.items()}
    kept = {key: value for key, value in cut.items() if fits(key, value)}
    return {**{key: OTHERWISE[key] for key in cut.keys() - kept.keys() if key in OTHERWISE}, **kept}


def _cut(name: str, key: str, value: Any) -> Any:
    row = field_of(name, key)
    is_text = row is not None and row.type.startswith("str") and isinstance(value, str)
    return value[: int(row.type[3:])] if is_text and row is not None else value
