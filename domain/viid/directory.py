"""The directory of a complex: its cameras, gates and lanes as GA/T 1400 lists them. Never with a way into a camera."""

from __future__ import annotations

from domain.viid.envelopes import Fields
from domain.viid.sources import Coded


def camera(coded: Coded, *, is_online: bool, owner: str = "") -> Fields:
    """An APE of the directory: never with a way into it."""
    said: Fields = {
        "ApeID": coded.code,
        "Name": coded.name or coded.code,
        "Model": coded.model,
        "IPAddr": coded.address,
        "Port": coded.port,
        "Longitude": coded.longitude,
        "Latitude": coded.latitude,
        "PlaceCode": coded.place_code or coded.code[:6],
        "IsOnline": 1 if is_online else 2,
        "FunctionType": coded.function,
    }
    more = {"Place": coded.place, "OrgCode": coded.org_code, "OwnerApsID": owner, "MonitorDirection": coded.direction}
    return said | {name: value for name, value in more.items() if value}


def camera_status(code: str, at: str, *, is_online: bool) -> Fields:
    """An APEStatus, as subscribers to directories get it."""
    return {"ApeID": code, "IsOnline": 1 if is_online else 2, "CurrentTime": at}


def tollgate(coded: Coded, lanes: int) -> Fields:
    """A gate of a complex: neither checkpoint nor road, for public order."""
    return {
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


def lane(coded: Coded) -> Fields:
    """A lane of a gate, and the camera that watches it."""
    said = {"TollgateID": coded.tollgate, "LaneId": coded.lane, "LaneNo": coded.lane}
    return {**said, "Name": coded.name or coded.code, "Direction": coded.direction, "ApeID": coded.code}
