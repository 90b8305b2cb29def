"""What stands between gateway and centre and spoils requests: twice, late, unanswered, or answered for ever later."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from types import TracebackType
from typing import Literal, Self

import aiohttp
from aiohttp import web

Fate = Literal["straight", "twice", "late", "no answer", "no request", "old again"]
_HOP = {"host", "content-length", "transfer-encoding", "connection", "date", "server"}
_LATE_S = 0.4
_MAX_OLD = 50
_MAX_BODY = 64 * 1024 * 1024


class HttpLine:
    """A proxy whose fates are drawn from ``chance``. ``shares``: how likely each is, the rest goes straight."""

    def __init__(self, target: str, chance: Random, shares: dict[Fate, float]) -> None:
        self._target, self._chance, self._shares = target, chance, shares
        self._old: list[tuple[str, str, dict[str, str], bytes]] = []
        self.fates: Counter[str] = Counter()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def straight(self) -> None:
        """No faults from now on."""
        self._shares = {}

    def _drawn(self) -> Fate:
        mark = self._chance.random()
        for fate, share in self._shares.items():
            mark -= share
            if mark < 0:
                return fate
        return "straight"

    async def _pass(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        wanted = (request.method, request.path_qs, headers, await request.read())
        fate = self._drawn()
        self.fates[fate] += 1
        if fate == "no request":
            return _hung_up(request)
        if fate == "late":
            await asyncio.sleep(_LATE_S)
        if fate == "old again" and self._old:
            await self._send(*self._chance.choice(self._old))
        answer = await self._send(*wanted)
        if fate == "twice":
            answer = await self._send(*wanted)
        self._old = [*self._old[-_MAX_OLD:], wanted]
        return _hung_up(request) if fate == "no answer" else answer

    async def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> web.Response:
        try:
            async with self._session.request(method, self._target + path, data=body, headers=headers) as response:
                kept = {name: value for name, value in response.headers.items() if name.lower() not in _HOP}
                return web.Response(status=response.status, body=await response.read(), headers=kept)
        except aiohttp.ClientError:
            return web.Response(status=502, text="the centre is away")


def _hung_up(request: web.Request) -> web.Response:
    """The connection is gone before an answer; what is returned here is never seen."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
