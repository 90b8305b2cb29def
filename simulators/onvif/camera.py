"""One simulated camera: a dome with three profiles and some presets, whose clock, host and temper may be wrong."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from simulators.devices.http_device import HttpDevice
from simulators.onvif import device, events, media, media2, ptz
from simulators.onvif.security import Guard
from simulators.onvif.soap import TYPE, Asked, SoapFault, asked_in, envelope, fault

_JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 2_000 + b"\xff\xd9"
_FREE = frozenset({"GetSystemDateAndTime"})  # by the specification nobody is asked who they are
_OPERATIONS: Mapping[str, Callable[[Camera, Asked], str]] = {
    "GetSystemDateAndTime": device.time,
    "GetDeviceInformation": device.information,
    "GetServices": device.services,
    "GetCapabilities": device.capabilities,
    "GetProfiles": media.profiles,
    "GetStreamUri": media.stream,
    "GetSnapshotUri": media.snapshot,
    "CreatePullPointSubscription": events.create,
    "GetPresets": ptz.presets,
    "GotoPreset": ptz.go_to,
    "GotoHomePosition": ptz.go_home,
}
_OF_MEDIA_2: Mapping[str, Callable[[Camera, Asked], str]] = {
    "GetProfiles": media2.profiles,
    "GetStreamUri": media2.stream,
    "GetSnapshotUri": media2.snapshot,
}
Items = Mapping[str, str]
Instead = bytes | int | float  # sent as it is; a status without a body; so many seconds later


class Camera(HttpDevice):
    """``by_http``: it asks for HTTP digest and believes no UsernameToken. ``said_host`` is where it thinks it is.

    ``instead`` holds, by operation (with ``media2:`` before it of that service alone), what it does in place of an
    answer; ``lacks`` the services that it does not have.
    """

    def __init__(self, user: str = "admin", password: str = "", *, by_http: bool = False) -> None:
        super().__init__(user, password if by_http else "")
        self.guard = Guard(user, "" if by_http else password)
        self.secret = (user, password)
        self.maker, self.model, self.said_host, self.rtsp_port = "HIKVISION", "DS-2DE4425IW", "192.0.2.64", 554
        self.profiles: tuple[media.Shown, ...] = media.PROFILES
        self.presets = {"1": "门口", "2": "车库", "9": "围墙"}
        self.moves: list[str] = []
        self.jpeg, self.picture_by = _JPEG, "digest"  # or basic, or open
        self.tells_time, self.grants_s = True, 0.0
        self.lacks: set[str] = set()
        self.instead: dict[str, Instead] = {}
        self.done: Counter[str] = Counter()
        self.pull_points: dict[str, events.PullPoint] = {}
        self.ended = 0
        self.initial: list[tuple[str, Items, Items]] = []

    def routes(self) -> list[web.RouteDef]:
        services = [web.post(path, self._service) for _, path in device.SERVICES.values()]
        subscription = web.post("/onvif/subscription/{number}", self._service)
        return [*services, subscription, web.get("/onvif/snapshot.jpg", self._picture)]

    @property
    def onvif_address(self) -> str:
        return f"onvif://127.0.0.1:{self.port}"

    def said_at(self, path: str) -> str:
        return f"http://{self.said_host}:{self.port}{path}"

    def notify(
        self, topic: str, source: Mapping[str, str], data: Mapping[str, str], operation: str = "Changed"
    ) -> None:
        """To everyone who has a subscription."""
        self.notify_raw(events.notice(topic, self.clock, source, data, operation))

    def notify_raw(self, notice: str) -> None:
        for point in self.pull_points.values():
            point.put(notice)

    def states(self) -> list[str]:
        """What a new subscription is told first."""
        return [events.notice(topic, self.clock, source, data, "Initialized") for topic, source, data in self.initial]

    def end(self, number: str) -> None:
        if self.pull_points.pop(number, None) is not None:
            self.ended += 1

    def forget_subscriptions(self) -> None:
        """As when it starts again."""
        for number in list(self.pull_points):
            self.end(number)

    async def stop(self) -> None:
        for point in self.pull_points.values():
            point.some.set()
        await super().stop()

    async def _service(self, request: web.Request) -> web.Response:
        try:
            asked = asked_in(await request.read())
            self.done[asked.operation] += 1
            self.done[f"media2:{asked.operation}"] += asked.is_of("tr2")
            if asked.operation not in _FREE:
                self.guard.admit(asked.header, self.clock)
            body = await self._answer(asked, request.match_info.get("number", ""))
        except SoapFault as refused:
            return web.Response(status=refused.status, body=fault(refused), headers={"Content-Type": TYPE})
        return body if isinstance(body, web.Response) else _soap(envelope(body))

    async def _answer(self, asked: Asked, number: str) -> str | web.Response:
        of_second = self.instead.get(f"media2:{asked.operation}") if asked.is_of("tr2") else None
        instead = of_second or self.instead.get(asked.operation)
        if isinstance(instead, bytes):
            return _soap(instead)
        if isinstance(instead, int):
            return web.Response(status=instead)
        if isinstance(instead, float):
            await asyncio.sleep(instead)
        return await self._done(asked, number)

    async def _done(self, asked: Asked, number: str) -> str:
        if asked.operation == "PullMessages":
            return await events.pull(self, asked, number)
        of_subscription: dict[str, Any] = {"Renew": events.renew, "Unsubscribe": events.unsubscribe}
        if asked.operation in of_subscription:
            return of_subscription[asked.operation](self, asked, number)
        known = _OF_MEDIA_2 if asked.is_of("tr2") else _OPERATIONS
        if asked.operation not in known:
            raise SoapFault("ter:ActionNotSupported", f"no {asked.operation}")
        return known[asked.operation](self, asked)

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        self.done["picture"] += 1
        if not self._may_see(request):
            return web.Response(status=401, headers={"WWW-Authenticate": self._challenge()})
        return web.Response(body=self.jpeg, content_type="image/jpeg")

    def _may_see(self, request: web.Request) -> bool:
        user, password = self.secret
        if self.picture_by == "open" or not password or self.password:
            return True
        if self.picture_by == "basic":
            return request.headers.get("Authorization") == _basic(user, password)
        return self.knows(request, password)

    def _challenge(self) -> str:
        return 'Basic realm="camera"' if self.picture_by == "basic" else self.challenge()


def _basic(user: str, password: str) -> str:
    """The header of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _soap(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": TYPE})
