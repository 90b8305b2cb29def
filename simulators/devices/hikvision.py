"""A Hikvision door terminal or plate camera: alertStream with digest, and ISAPI's commands.

Written from the ISAPI messages that devices.md describes; a terminal tells what it recorded while nobody listened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web

from simulators.devices.http_device import HttpDevice
from simulators.devices.message import DeviceMessage, encode

CARD_PASSED, UNKNOWN_CARD, LOCK_OPENED, DOOR_OPENED, DOOR_FORCED = 0x01, 0x09, 0x15, 0x19, 0x1B
_OK = b"""<?xml version="1.0" encoding="UTF-8"?>
<ResponseStatus version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
<requestURL>%s</requestURL><statusCode>%d</statusCode><statusString>%s</statusString>
<subStatusCode>%s</subStatusCode></ResponseStatus>
"""

_INFO = b"""<?xml version="1.0" encoding="UTF-8"?>
<DeviceInfo version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"><deviceName>Access Controller</deviceName>
<model>DS-K1T671M</model><serialNumber>DS-K1T671M20210101V030000ENE00000001</serialNumber>
<macAddress>%s</macAddress><firmwareVersion>V3.2.30</firmwareVersion></DeviceInfo>
"""
_TIME = b"""<?xml version="1.0" encoding="UTF-8"?>
<Time version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"><timeMode>NTP</timeMode>
<localTime>%s</localTime><timeZone>CST-8:00:00</timeZone></Time>
"""
_ANPR = """<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert xmlns="http://www.isapi.org/ver20/XMLSchema" version="2.0">
<macAddress>%s</macAddress><channelID>1</channelID><dateTime>%s</dateTime><activePostCount>1</activePostCount>
<eventType>ANPR</eventType><eventState>active</eventState><eventDescription>ANPR</eventDescription>
<ANPR><country>59</country><licensePlate>蓝%s</licensePlate><line>1</line><direction>forward</direction>
<confidenceLevel>97</confidenceLevel><plateType>92TypeCivil</plateType><plateColor>blue</plateColor>
<originalLicensePlate>蓝%s</originalLicensePlate></ANPR><UUID>%s</UUID><picNum>%d</picNum>
</EventNotificationAlert>
"""
PLATE_FORM = "multipart/form-data; boundary=boundary"


class Terminal(HttpDevice):
    """One device with a few doors; ``doors`` it does not have are refused."""

    boundary = "MIME_boundary"

    def __init__(self, mac: str, user: str = "admin", password: str = "", doors: int = 2) -> None:
        super().__init__(user, password)
        self.mac, self._doors = mac, doors
        self._number = 1000
        self._kept: list[dict[str, Any]] = []
        self.verdicts: list[tuple[int, str]] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/ISAPI/Event/notification/alertStream", self.endless),
            web.get("/ISAPI/System/deviceInfo", self._info),
            web.get("/ISAPI/System/time", self._time),
            web.put("/ISAPI/AccessControl/RemoteControl/door/{door}", self._open),
            web.put("/ISAPI/Parking/channels/{channel}/barrierGate", self._barrier),
            web.put("/ISAPI/AccessControl/remoteCheck", self._verdict),
        ]

    async def _info(self, request: web.Request) -> web.Response:
        mac = ":".join(self.mac[place : place + 2] for place in range(0, len(self.mac), 2))
        return web.Response(body=_INFO % mac.encode(), content_type="application/xml")

    async def _time(self, request: web.Request) -> web.Response:
        local = self.clock.astimezone(timezone(timedelta(hours=8))).isoformat(timespec="seconds")
        return web.Response(body=_TIME % local.encode(), content_type="application/xml")

    async def begun(self) -> None:
        """What was kept is told as history, then a sign of life."""
        kept, self._kept = self._kept, []
        for event in kept:
            event["AccessControllerEvent"]["currentEvent"] = False
            await self._tell(event)
        await self.heartbeat(datetime.now().astimezone())

    async def heartbeat(self, at: datetime) -> None:
        await self._tell(_event(self.mac, "heartBeat", at))

    async def access(self, minor: int, at: datetime, *, major: int = 5, **said: Any) -> None:
        """An access event; kept while nobody listens."""
        self._number += 1
        event = _event(self.mac, "AccessControllerEvent", at)
        numbers = {"majorEventType": major, "subEventType": minor, "serialNo": self._number, "currentEvent": True}
        event["AccessControllerEvent"] = {"deviceName": "门口", **numbers, "doorNo": 1, **said}
        if self.listeners:
            await self._tell(event)
        else:
            self._kept.append(event)

    async def _tell(self, event: dict[str, Any], pictures: Iterable[bytes] = ()) -> None:
        await self.say(encode(event), 'application/json; charset="UTF-8"', *pictures)

    async def _open(self, request: web.Request) -> web.Response:
        door = int(request.match_info["door"])
        if not 1 <= door <= self._doors:
            return _status(request, 4, b"Invalid Operation", b"notSupport", status=403)
        if b"<cmd>open</cmd>" in await request.read():
            asyncio.get_running_loop().create_task(self._swing(door))
        return _status(request, 1, b"OK", b"ok")

    async def _swing(self, door: int) -> None:
        now = datetime.now().astimezone()
        await self.access(LOCK_OPENED, now, doorNo=door)
        await self.access(DOOR_OPENED, now, doorNo=door)

    async def _verdict(self, request: web.Request) -> web.Response:
        """What it was told about an event that it asked about."""
        said = (await request.json())["RemoteCheck"]
        self.verdicts.append((said["serialNo"], said["checkResult"]))
        return _status(request, 1, b"OK", b"ok")

    async def _barrier(self, request: web.Request) -> web.Response:
        return _status(request, 1, b"OK", b"ok")


def plate(mac: str, text: str, number: int, at: datetime, jpeg: bytes = b"") -> DeviceMessage:
    """A plate camera's push: the XML alone, or a form with the picture behind it."""
    name = f"6f1d2c3e-0001-4b7a-9c11-{number:012x}"
    told = (_mac(mac), at.astimezone().isoformat(timespec="milliseconds"), text, text, name, int(bool(jpeg)))
    words = (_ANPR % told).encode()
    if not jpeg:
        return DeviceMessage("/hikvision", words)
    parts = (("anpr.xml", "text/xml", words), ("detectionPicture.jpg", "image/jpeg", jpeg))
    return DeviceMessage("/hikvision", b"".join(_part(*part) for part in parts) + b"--boundary--\r\n")


def alive(mac: str, at: datetime) -> DeviceMessage:
    """A sign of life of a device that pushes."""
    return DeviceMessage("/hikvision", encode(_event(mac, "heartBeat", at)))


def _part(name: str, kind: str, body: bytes) -> bytes:
    says = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: {kind}\r\n'
    return f"--boundary\r\n{says}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n"


def _event(mac: str, kind: str, at: datetime) -> dict[str, Any]:
    when = at.astimezone().isoformat(timespec="seconds")
    return {"macAddress": _mac(mac), "channelID": 1, "dateTime": when, "eventType": kind, "eventState": "active"}


def _mac(digits: str) -> str:
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def _status(request: web.Request, code: int, said: bytes, sub: bytes, status: int = 200) -> web.Response:
    body = _OK % (request.path.encode(), code, said, sub)
    return web.Response(status=status, body=body, content_type="application/xml")
