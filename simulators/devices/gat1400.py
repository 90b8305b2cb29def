"""A camera that pushes GA/T 1400: it registers by digest, keeps alive, and posts what it saw until it is told 0.

Written from GA/T 1400.1-2017 (identifiers) and public implementations of its parts 3 and 4.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec

from simulators.devices.message import DeviceMessage, encode

MEDIA_TYPE = "application/VIID+JSON;charset=UTF-8"
COLORS = {"black": "1", "white": "2", "blue": "5", "yellow": "6", "green": "9", "unknown": "99"}
_SYSTEM = "/VIID/System"


class Camera:
    """One camera: its code of twenty digits, and the clocks of its site."""

    def __init__(self, code: str, zone: ZoneInfo) -> None:
        self.code = code
        self._zone = zone
        self._serial = 0

    def register(self) -> DeviceMessage:
        return self._system("Register")

    def keepalive(self) -> DeviceMessage:
        return self._system("Keepalive")

    def unregister(self) -> DeviceMessage:
        return self._system("UnRegister")

    def vehicle(self, text: str | None, color: str, at: datetime, jpeg: bytes = b"") -> DeviceMessage:
        """A car that passed; ``text`` None: one without a plate."""
        image, stamp = self._image(at), self._stamp(at)
        said: dict[str, Any] = {
            "MotorVehicleID": f"{image}02{self._serial:05}",
            "InfoKind": 1,
            "SourceID": image,
            "DeviceID": self.code,
            "StorageUrl1": "",
            "LeftTopX": 412,
            "LeftTopY": 300,
            "RightBtmX": 1290,
            "RightBtmY": 960,
            "PassTime": stamp,
            "LaneNo": 1,
            "HasPlate": "1" if text else "0",
            "PlateClass": "02",
            "PlateColor": COLORS[color] if text else "99",
            "PlateNo": text or "无车牌",
            "PlateReliability": "97" if text else "",
            "VehicleColor": "99",
            "SubImageList": self._pictures(image, stamp, "01", jpeg),
        }
        return self._list("MotorVehicle", said)

    def face(self, at: datetime, jpeg: bytes = b"") -> DeviceMessage:
        """A face at a door, without a word of whose it is."""
        image, stamp = self._image(at), self._stamp(at)
        unsaid = dict.fromkeys(("IsDriver", "IsForeigner", "IsSuspectedTerrorist", "IsCriminalInvolved"), 2)
        said = {"FaceID": f"{image}06{self._serial:05}", "InfoKind": 1, "SourceID": image, "DeviceID": self.code}
        pictures = self._pictures(image, stamp, "11", jpeg)
        return self._list("Face", {**said, "FaceAppearTime": stamp, **unsaid, "SubImageList": pictures})

    def _system(self, name: str) -> DeviceMessage:
        return DeviceMessage(f"{_SYSTEM}/{name}", encode({f"{name}Object": {"DeviceID": self.code}}))

    def _list(self, name: str, said: dict[str, Any]) -> DeviceMessage:
        return DeviceMessage(f"/VIID/{name}s", encode({f"{name}ListObject": {f"{name}Object": [said]}}))

    def _image(self, at: datetime) -> str:
        self._serial = self._serial % 99_999 + 1
        return f"{self.code}02{self._stamp(at)}{self._serial:05}"

    def _pictures(self, image: str, stamp: str, kind: str, jpeg: bytes) -> dict[str, Any]:
        part = {"ImageID": image, "EventSort": 1, "DeviceID": self.code, "StoragePath": "", "Type": kind}
        size = {"FileFormat": "Jpeg", "ShotTime": stamp, "Width": 1920, "Height": 1080}
        return {"SubImageInfoObject": [{**part, **size, "Data": b64encode(jpeg).decode()}]}

    def _stamp(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y%m%d%H%M%S}"


class Refused(Exception):
    """It was not taken: the HTTP status, or a StatusCode that is not 0."""


class _Status(msgspec.Struct):
    code: int | str = msgspec.field(name="StatusCode")


class _Statuses(msgspec.Struct):
    several: list[_Status] = msgspec.field(name="ResponseStatusObject", default_factory=list)


class _Answer(msgspec.Struct):
    one: _Status | None = msgspec.field(name="ResponseStatusObject", default=None)
    many: _Statuses | None = msgspec.field(name="ResponseStatusListObject", default=None)


class Pusher:
    """The camera's own client: it registers by digest, and goes on in its name."""

    def __init__(self, url: str, code: str, password: str) -> None:
        self._url, self._headers = url.rstrip("/"), {"Content-Type": MEDIA_TYPE, "User-Identify": code}
        self._digest = aiohttp.DigestAuthMiddleware(code, password)

    async def register(self, camera: Camera) -> None:
        """Raises Refused."""
        await self._post(camera.register(), self._digest)

    async def push(self, message: DeviceMessage) -> None:
        """Raises Refused: a camera registers again then, and sends it again."""
        await self._post(message)

    async def _post(self, message: DeviceMessage, *middlewares: aiohttp.DigestAuthMiddleware) -> None:
        async with (
            aiohttp.ClientSession(headers=self._headers, middlewares=middlewares) as session,
            session.post(self._url + message.topic, data=message.payload) as response,
        ):
            body = await response.read()
            if response.status != 200:
                raise Refused(f"HTTP {response.status}: {body[:200]!r}")
        _judge(body)


def _judge(body: bytes) -> None:
    """Every status must be 0, as a number or as text, and there must be one."""
    answer = msgspec.json.decode(body, type=_Answer)
    statuses = [answer.one] if answer.one else answer.many.several if answer.many else []
    if not statuses or any(str(status.code) != "0" for status in statuses):
        raise Refused(f"StatusCode {[status.code for status in statuses]}")
