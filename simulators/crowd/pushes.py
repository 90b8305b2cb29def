"""Members that push over HTTP to the agent's listener; what was not taken they send again, as the devices do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import aiohttp

from simulators.crowd.member import ZONE, Gateway, Member, NotTaken, Signs, subject_of
from simulators.devices import dahua, gat1400, hikvision, plate_readers, vzenith_http
from simulators.devices.message import DeviceMessage

_TRIES, _PAUSE_S, _ANSWER_S = 40, 0.25, 10.0
_JSON = "application/json"
_PLATE_FORM = "multipart/form-data; boundary=----gatehouse7f3a"


class Pusher(Member):
    """A plate camera, or a program that stands for one, with an HTTP client of its own."""

    nature = "plate"
    kind: ClassVar[str] = _JSON  # the media type of a car
    wanted: ClassVar[bytes] = b""  # what the answer must hold

    def __init__(self, device: str, signs: Signs) -> None:
        super().__init__(device, signs)
        self._session: aiohttp.ClientSession | None = None
        self._url = ""
        self.sent_again = 0

    async def join(self, gateway: Gateway) -> None:
        self._url = gateway.url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_S))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def fact(self, at: datetime) -> str:
        plate = self.signs.plate()
        await self.push(self.car(plate, at), self.kind)
        return plate

    def car(self, plate: str, at: datetime) -> DeviceMessage:
        """The push for a car."""
        raise NotImplementedError

    async def push(self, message: DeviceMessage, kind: str = _JSON) -> None:
        """Until it is taken. Raises NotTaken."""
        for _ in range(_TRIES):
            if await self._post(message, kind):
                return
            self.sent_again += 1
            await asyncio.sleep(_PAUSE_S)
        raise NotTaken(f"{self.device}: {message.topic} after {_TRIES} tries")

    async def _post(self, message: DeviceMessage, kind: str) -> bool:
        if self._session is None:
            raise NotTaken(f"{self.device} has not joined")
        try:
            where, headers = self._url + message.topic, {"Content-Type": kind}
            async with self._session.post(where, data=message.payload, headers=headers) as response:
                return response.status == 200 and self.wanted in await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return False

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "plate")


class VzenithPusher(Pusher):
    """A Vzenith camera; its heart-beat every ten seconds."""

    family, alive_s, wanted = "vzenith-http", 10.0, vzenith_http.STOP

    def __init__(self, number: int, signs: Signs) -> None:
        self._serial = f"c0de0002-{number:08}"
        super().__init__(f"vzenith:{self._serial}", signs)

    def placed(self) -> dict[str, Any]:
        return {"address": "192.0.2.31"}

    def car(self, plate: str, at: datetime) -> DeviceMessage:
        return vzenith_http.plate(self._serial, plate, self.signs.number(), at, ZONE, self.signs.picture())

    async def alive(self, at: datetime) -> None:
        message = vzenith_http.heartbeat(self._serial)
        if not await self._post_alive(message):
            raise NotTaken(f"{self.device}: its heart-beat")

    async def _post_alive(self, message: DeviceMessage) -> bool:
        assert self._session is not None
        headers = {"Content-Type": vzenith_http.HEARTBEAT_TYPE}
        async with self._session.post(self._url + message.topic, data=message.payload, headers=headers) as response:
            return response.status == 200


class HikvisionPusher(Pusher):
    """A Hikvision plate camera with its HTTP listening set."""

    family, alive_s, kind = "hikvision-isapi push", 30.0, hikvision.PLATE_FORM

    def __init__(self, number: int, signs: Signs) -> None:
        self._mac = f"00005e01{number:04x}"
        super().__init__(f"hikvision:{self._mac}", signs)

    def car(self, plate: str, at: datetime) -> DeviceMessage:
        return hikvision.plate(self._mac, plate, self.signs.number(), at, self.signs.picture() or b"\xff\xd8\xff\xd9")

    async def alive(self, at: datetime) -> None:
        await self.push(hikvision.alive(self._mac, at))


class DahuaPusher(Pusher):
    """A Dahua plate camera (ITSAPI)."""

    family, alive_s, wanted = "dahua push", 30.0, b"true"

    def __init__(self, number: int, signs: Signs) -> None:
        self._serial = f"TESTITC{number:05}"
        super().__init__(f"dahua:{self._serial}", signs)

    def car(self, plate: str, at: datetime) -> DeviceMessage:
        return dahua.shot(self._serial, plate, self.signs.number(), at, ZONE, self.signs.picture())

    async def alive(self, at: datetime) -> None:
        await self.push(dahua.keep_alive(self._serial))


class RekorPusher(Pusher):
    """Rekor Scout over HTTP."""

    family, alive_s = "openalpr-rekor push", 60.0

    def __init__(self, number: int, signs: Signs) -> None:
        self._number = 6_000 + number
        super().__init__(f"rekor:{self._number}", signs)

    def company(self) -> list[dict[str, Any]]:
        """The agent that reads the camera's stream."""
        return [{"id": f"rekor:scout-{self._number}"}]

    def placed(self) -> dict[str, Any]:
        return {"address": "127.0.0.1"}

    def car(self, plate: str, at: datetime) -> DeviceMessage:
        return plate_readers.rekor_group(self._number, plate, 96.5, at, self.signs.picture())

    async def alive(self, at: datetime) -> None:
        await self.push(plate_readers.rekor_heartbeat(f"scout-{self._number}", self._number, True))


class StreamPusher(Pusher):
    """Plate Recognizer Stream."""

    family, kind = "platerecognizer", _PLATE_FORM

    def __init__(self, number: int, signs: Signs) -> None:
        self._camera = f"gate{number}"
        super().__init__(f"platerecognizer:{self._camera}", signs)

    def car(self, plate: str, at: datetime) -> DeviceMessage:
        return plate_readers.platerecognizer(self._camera, plate, 0.93, at, ZONE, self.signs.picture())


class NationalPusher(Member):
    """GA/T 1400: it registers by digest, keeps alive every minute, and registers again where it is refused."""

    family, nature, alive_s = "gat1400", "plate", 60.0
    push_password = "example-of-a-camera"  # noqa: S105 # pragma: allowlist secret

    def __init__(self, number: int, signs: Signs) -> None:
        self._code = f"440300000011900{number:05}"
        super().__init__(f"gat1400:{self._code}", signs)
        self._camera = gat1400.Camera(self._code, ZONE)
        self._pusher: gat1400.Pusher | None = None

    async def join(self, gateway: Gateway) -> None:
        self._pusher = gat1400.Pusher(gateway.url, self._code, self.push_password)
        await self._again(self._pusher.register(self._camera))

    async def fact(self, at: datetime) -> str:
        plate = self.signs.plate()
        await self._push(self._camera.vehicle(plate, "blue", at, self.signs.picture()))
        return plate

    async def alive(self, at: datetime) -> None:
        await self._push(self._camera.keepalive())

    async def _push(self, message: DeviceMessage) -> None:
        """Raises NotTaken."""
        assert self._pusher is not None
        for _ in range(_TRIES):
            if await self._once(message, self._pusher):
                return
            await asyncio.sleep(_PAUSE_S)
        raise NotTaken(f"{self.device}: {message.topic} after {_TRIES} tries")

    async def _once(self, message: DeviceMessage, pusher: gat1400.Pusher) -> bool:
        try:
            await pusher.push(message)
        except gat1400.Refused as refused:
            if "401" in str(refused):
                await self._again(pusher.register(self._camera))
            return False
        except (aiohttp.ClientError, TimeoutError):
            return False
        return True

    async def _again(self, registering: Any) -> None:
        """A refusal shows with the next push."""
        try:
            await registering
        except (gat1400.Refused, aiohttp.ClientError) as error:
            raise NotTaken(f"{self.device}: it may not register: {error}") from error

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "plate")
