"""A 2N intercom: its log by channels that somebody opens and pulls from, and its switches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulators.devices.http_device import HttpDevice

_NO_CHANNEL = {"success": False, "error": {"code": 12, "param": "id", "description": "invalid parameter value"}}


class Intercom(HttpDevice):
    """``restart`` forgets the log and every channel, and counts from 1 again."""

    def __init__(self, user: str = "admin", password: str = "", serial: str = "54-0880-0001") -> None:
        super().__init__(user, password)
        self.serial = serial
        self.log: list[dict[str, Any]] = []
        self._channels: dict[int, int] = {}  # id -> how far it was told
        self._next_channel = 2_000
        self.now_s: Callable[[], float] = time.time

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/system/info", self._info),
            web.get("/api/system/status", self._status),
            web.get("/api/log/subscribe", self._subscribe),
            web.get("/api/log/pull", self._pull),
            web.get("/api/switch/ctrl", self._switch),
        ]

    def restart(self) -> None:
        self.log, self._channels = [], {}

    def happened(self, name: str, at_s: float | None = None, **params: Any) -> None:
        """Something to the log."""
        when = int(self.now_s() if at_s is None else at_s)
        number = len(self.log) + 1
        self.log.append({"id": number, "tzShift": 480, "utcTime": when, "upTime": 8, "event": name, "params": params})

    async def _info(self, request: web.Request) -> web.Response:
        told = {"variant": "2N IP Force", "serialNumber": self.serial, "swVersion": "2.40.1"}
        return web.json_response({"success": True, "result": told})

    async def _status(self, request: web.Request) -> web.Response:
        told = {"systemTime": int(self.clock.timestamp()), "upTime": 190524}
        return web.json_response({"success": True, "result": told})

    async def _subscribe(self, request: web.Request) -> web.Response:
        include = request.query.get("include", "new")
        since_s = self.now_s() + (int(include) if include.startswith("-") else 0)
        older = [entry for entry in self.log if include != "all" and entry["utcTime"] < since_s]
        self._next_channel += 1
        self._channels[self._next_channel] = len(older)
        return web.json_response({"success": True, "result": {"id": self._next_channel}})

    async def _pull(self, request: web.Request) -> web.Response:
        channel = int(request.query.get("id", "0"))
        until_s = time.monotonic() + min(float(request.query.get("timeout", "0")), 1.0)
        while self._channels.get(channel) == len(self.log) and time.monotonic() < until_s:  # noqa: ASYNC110 - simple
            await asyncio.sleep(0.02)
        if channel not in self._channels:
            return web.json_response(_NO_CHANNEL)
        events, self._channels[channel] = self.log[self._channels[channel] :], len(self.log)
        return web.json_response({"success": True, "result": {"events": events}})

    async def _switch(self, request: web.Request) -> web.Response:
        if request.query.get("switch") != "1":
            error = {"code": 12, "param": "switch", "description": "invalid parameter value"}
            return web.json_response({"success": False, "error": error})
        self.happened("SwitchStateChanged", switch=1, state=True)
        self.happened("DoorStateChanged", state="opened")
        return web.json_response({"success": True})
