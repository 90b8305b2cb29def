"""A Dahua device: its event streams, its door, and a plate camera's push that repeats until it hears a yes."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web

from simulators.devices.http_device import HttpDevice
from simulators.devices.message import DeviceMessage, encode

PUSH_S = 0.1


class Terminal(HttpDevice):
    """An access terminal, or a camera."""

    boundary = "myboundary"
    stream_type = "multipart/x-mixed-replace"

    def __init__(self, user: str = "admin", password: str = "", serial: str = "TESTASI00001") -> None:
        super().__init__(user, password)
        self.serial = serial
        self.records: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cgi-bin/eventManager.cgi", self.endless),
            web.get("/cgi-bin/snapManager.cgi", self.endless),
            web.get("/cgi-bin/magicBox.cgi", self._info),
            web.get("/cgi-bin/global.cgi", self._time),
            web.get("/cgi-bin/accessControl.cgi", self._open),
            web.get("/cgi-bin/recordFinder.cgi", self._find),
        ]

    async def _info(self, request: web.Request) -> web.Response:
        return web.Response(text=f"deviceType=ASI7213X\r\nserialNumber={self.serial}\r\n")

    async def _time(self, request: web.Request) -> web.Response:
        at = self.clock.astimezone(ZoneInfo("Asia/Shanghai"))
        return web.Response(text=f"result={at.year}-{at.month}-{at.day} {at.hour}:{at.minute}:{at.second}\r\n")

    async def begun(self) -> None:
        await self.say(b"Heartbeat", "text/plain")

    async def event(self, written: bytes, *pictures: bytes) -> None:
        """A part of the stream, as it was recorded."""
        await self.say(written, "text/plain", *pictures)

    async def _find(self, request: web.Request) -> web.Response:
        since, until = (int(request.query[name]) for name in ("StartTime", "EndTime"))
        found = [record for record in self.records if since <= record["CreateTime"] <= until]
        lines = [f"records[{at}].{key}={value}" for at, record in enumerate(found) for key, value in record.items()]
        return web.Response(text="\r\n".join([f"found={len(found)}", *lines, ""]))

    async def _open(self, request: web.Request) -> web.Response:
        if request.query.get("action") != "openDoor" or not request.query.get("channel"):
            return web.Response(status=400, text="Error\r\nBad Request!\r\n")
        return web.Response(text="OK\r\n")


def access(card: str, number: int, at: datetime) -> bytes:
    """What a terminal's stream says of a card that it let in."""
    said = {"CardName": "", "CardNo": card, "Door": 0, "ErrorCode": 0, "Method": 1, "ReaderID": "1", "RecNo": number}
    told = {**said, "Status": 1, "Type": "Entry", "UTC": int(at.timestamp()), "UserID": ""}
    return b"Code=AccessControl;action=Pulse;index=0;data=" + encode(told)


def shot(serial: str, plate: str, number: int, at: datetime, zone: ZoneInfo, jpeg: bytes = b"") -> DeviceMessage:
    """A plate camera's push (ITSAPI): a car with a blue plate, by the camera's wall clock."""
    wall = at.astimezone(zone)
    snap = {"DeviceID": serial, "Direction": "Obverse", "LanNo": 1, "TriggerSource": "Video"}
    snap |= {"AccurateTime": f"{wall:%F %T}.{wall.microsecond // 1000:03}", "SnapTime": f"{wall:%F %T}"}
    read = {"PlateNumber": plate, "PlateColor": "Blue", "PlateType": "Normal", "Confidence": 95, "IsExist": True}
    picture = {"PicName": f"{wall:%Y%m%d%H%M%S}_{number}.jpg", "Content": b64encode(jpeg).decode()}
    body = {"Picture": {"Plate": read, "Vehicle": {"VehicleType": "Car"}, "SnapInfo": snap, "NormalPic": picture}}
    return DeviceMessage("/NotificationInfo/TollgateInfo", encode(body))


def keep_alive(serial: str) -> DeviceMessage:
    return DeviceMessage("/NotificationInfo/KeepAlive", encode({"DeviceID": serial}))


async def push(url: str, body: bytes, tries: int = 20) -> int:
    """Send a shot until the answer is ``{"Result": true}``; how often it was sent."""
    async with aiohttp.ClientSession() as session:
        for sent in range(1, tries + 1):
            if await _is_taken(session, url, body):
                return sent
            await asyncio.sleep(PUSH_S)
    raise AssertionError(f"no yes after {tries} tries")


async def _is_taken(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
        return response.status == 200 and (await _said(response)).get("Result") is True


async def _said(response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        return await response.json(content_type=None)
    except ValueError:
        return {}
