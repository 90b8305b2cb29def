"""A 臻识 (Vzenith) plate camera that pushes over HTTP: cars as JSON, its heart-beat as a form with its password.

Written from the vendor's HTTP 推送 protocol as public files have it; numbers and times are bare, texts are not wrapped.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from simulators.devices.message import DeviceMessage, encode

PLATE, HEARTBEAT = "/vzenith/plate", "/vzenith/heartbeat"
STOP = b"retransfer_stop"  # what an answer must hold, or the camera sends it again
_BLUE, _SMALL_BLUE, _TOWARDS, _AUTO = 1, 1, 4, 1
_BOUNDARY = "------------------------caa771fe4a61f3d9"
HEARTBEAT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"


def plate(serial: str, text: str, number: int, at: datetime, zone: ZoneInfo, jpeg: bytes = b"") -> DeviceMessage:
    """A blue plate that drove towards the camera; ``jpeg`` is the whole view."""
    result: dict[str, Any] = {
        "license": text,
        "colorType": _BLUE,
        "type": _SMALL_BLUE,
        "confidence": 97,
        "direction": _TOWARDS,
        "triggerType": _AUTO,
        "isoffline": 0,
        "is_fake_plate": 0,
        "plateid": number,
        "timeStamp": {"Timeval": _time(at, at.astimezone(zone))},
        "imageFile": b64encode(jpeg).decode(),
        "imageFileLen": len(jpeg),
        "imageFragmentFile": "",
        "imageFragmentFileLen": 0,
    }
    said = {"channel": 0, "deviceName": "R5-V1.0", "ipaddr": "192.0.2.31", "serialno": serial, "rule_id": 1}
    return DeviceMessage(PLATE, encode({"AlarmInfoPlate": {**said, "result": {"PlateResult": result}}}))


def heartbeat(serial: str) -> DeviceMessage:
    """Its form, the password that every such camera is delivered with in clear text."""
    told = {"device_name": "IVS", "ipaddr": "192.0.2.31", "port": "80", "user_name": "admin", "pass_wd": "admin"}
    fields = {**told, "serialno": serial, "channel_num": "1"}
    form = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return DeviceMessage(HEARTBEAT, f"{form}--{_BOUNDARY}--\r\n".encode())


def _time(at: datetime, wall: datetime) -> dict[str, int]:
    shown = {"decyear": wall.year, "decmon": wall.month, "decday": wall.day}
    shown |= {"dechour": wall.hour, "decmin": wall.minute, "decsec": wall.second}
    return {**shown, "sec": int(at.timestamp()), "usec": at.microsecond}
