"""A thousand screens that stand open, as sockets: when each heard of each alert."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from urllib.parse import urlsplit

_ALERT = re.compile(rb'data-alert="(\w+)"')
_OPENED_AT_ONCE = 50
_HEAD_ENDS = b"\r\n\r\n"


class _Watcher(asyncio.Protocol):
    """One screen: no more than the bytes and when they came, so that a thousand cost the server's machine little."""

    def __init__(self, request: bytes, heard: dict[str, list[float]]) -> None:
        self._request, self._heard = request, heard
        self._seen, self._head = set[bytes](), b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        for name in set(_ALERT.findall(data)) - self._seen:
            self._seen.add(name)
            self._heard[name.decode()].append(now)
        if not self.opened.done():
            self._open(data)

    def _open(self, data: bytes) -> None:
        self._head += data
        if _HEAD_ENDS not in self._head:
            return
        if b" 200 " in self._head.split(b"\r\n", 1)[0]:
            self.opened.set_result(None)
        else:
            self.opened.set_exception(ConnectionError(f"a screen was answered {self._head[:80]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("a screen was closed before it was open"))


class Watchers:
    """``heard``: of each alert by its id, the times (s since 1970) at which screens heard of it first."""

    def __init__(self, server: str, cookie: str, position: int) -> None:
        at = urlsplit(server)
        self._host, self._port = at.hostname or "", at.port or 80
        self._request = (
            f"GET /live?after={position} HTTP/1.1\r\nHost: {at.netloc}\r\nCookie: {cookie}\r\n"
            "Accept: text/event-stream\r\n\r\n"
        ).encode()
        self._watchers = list[_Watcher]()
        self.heard: defaultdict[str, list[float]] = defaultdict(list)

    async def come(self, count: int) -> None:
        """So many, a few at a time. Raises what a screen met that ended before it was open."""
        for start in range(0, count, _OPENED_AT_ONCE):
            new = [await self._watcher() for _ in range(min(_OPENED_AT_ONCE, count - start))]
            await asyncio.gather(*(one.opened for one in new))
            self._watchers += new

    async def _watcher(self) -> _Watcher:
        loop = asyncio.get_running_loop()
        _, watcher = await loop.create_connection(lambda: _Watcher(self._request, self.heard), self._host, self._port)
        return watcher

    def leave(self) -> None:
        for watcher in self._watchers:
            watcher.transport.close()
