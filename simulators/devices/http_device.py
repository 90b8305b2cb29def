"""What simulated devices with an HTTP server of their own share: digest, answers without end, what they were asked."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

REALM = "IP Camera(23453)"
_PAIR = re.compile(r'(\w+)="?([^",]+)"?')
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpDevice:
    """A server on a port of its own; whoever knows ``user`` and ``password`` is let in, by digest alone."""

    boundary = "boundary"
    stream_type = "multipart/mixed"

    def __init__(self, user: str = "admin", password: str = "") -> None:
        self.user, self.password = user, password
        self.asked: list[tuple[str, str, bytes]] = []  # method, path with query, body
        self.refused = 0
        self.off = timedelta()  # how far its clock is from the truth
        self.port = 0
        self._nonces: set[str] = set()
        self._streams: set[web.StreamResponse] = set()
        self._runner: web.AppRunner | None = None

    def routes(self) -> list[web.RouteDef]:
        """The paths that the device has."""
        return []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def clock(self) -> datetime:
        """What it shows, aware."""
        return datetime.now(UTC) + self.off

    @property
    def listeners(self) -> int:
        """How many listen to an answer without end."""
        return len(self._streams)

    async def start(self) -> None:
        """On the port it had before, or on any."""
        app = web.Application(middlewares=[self._let_in])
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    def cut(self) -> None:
        """Every line breaks, as when a cable is pulled."""
        for stream in list(self._streams):
            transport = stream._req.transport if stream._req else None  # pyright: ignore[reportPrivateUsage]
            if transport is not None:
                transport.abort()
        self._streams.clear()

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.password and not self.knows(request, self.password):
            self.refused += 1
            return web.Response(status=401, headers={"WWW-Authenticate": self.challenge()})
        self.asked.append((request.method, request.path_qs, await request.read()))
        return await handler(request)

    def challenge(self) -> str:
        """What a 401 asks for: digest with a nonce of its own."""
        nonce = secrets.token_hex(8)
        self._nonces.add(nonce)
        return f'Digest qop="auth", realm="{REALM}", nonce="{nonce}", stale="FALSE"'

    def knows(self, request: web.Request, password: str) -> bool:
        """Whether a request shows a password by digest."""
        said = dict(_PAIR.findall(request.headers.get("Authorization", "")))
        if said.get("nonce") not in self._nonces or said.get("username") != self.user:
            return False
        own = _md5(f"{self.user}:{REALM}:{password}")
        asked = _md5(f"{request.method}:{said.get('uri', '')}")
        middle = ":".join(said.get(key, "") for key in ("nonce", "nc", "cnonce", "qop"))
        return said.get("response") == _md5(f"{own}:{middle}:{asked}")

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """An answer that goes on until the line breaks."""
        kind = f"{self.stream_type}; boundary={self.boundary}"
        stream = web.StreamResponse(headers={"Content-Type": kind})
        await stream.prepare(request)
        self._streams.add(stream)
        await self.begun()
        try:
            while stream in self._streams and request.transport is not None:  # noqa: ASYNC110 - nobody else ends it
                await asyncio.sleep(0.05)
        finally:
            self._streams.discard(stream)
        return stream

    async def begun(self) -> None:
        """Somebody began to listen."""

    async def say(self, body: bytes, kind: str, *pictures: bytes) -> None:
        """A part to everyone who listens, and its pictures."""
        parts = [(kind, body), *(("image/jpeg", picture) for picture in pictures)]
        written = b"".join(self._part(kind, body) for kind, body in parts)
        for stream in list(self._streams):
            await stream.write(written)

    def _part(self, kind: str, body: bytes) -> bytes:
        head = f"--{self.boundary}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body + b"\r\n"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def running(device: Any) -> AsyncGenerator[Any, None]:
    """The device, while it runs."""
    await device.start()
    try:
        yield device
    finally:
        await device.stop()
