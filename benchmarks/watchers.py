"""A thousand screens that stand open, as sockets: when each heard of each alert."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from contextlib import suppress
from urllib.parse import urlsplit

_ALERT = re.compile(rb'data-alert="(\w+)"')
_OPENED_AT_ONCE = 50


class Watchers:
    """``heard``: of each alert by its id, the times (s since 1970) at which screens heard of it first."""

    def __init__(self, server: str, cookie: str, position: int) -> None:
        at = urlsplit(server)
        self._host, self._port = at.hostname or "", at.port or 80
        self._request = (
            f"GET /live?after={position} HTTP/1.1\r\nHost: {at.netloc}\r\nCookie: {cookie}\r\n"
            "Accept: text/event-stream\r\n\r\n"
        ).encode()
        self._tasks = list[asyncio.Task[None]]()
        self.open = 0
        self.heard: defaultdict[str, list[float]] = defaultdict(list)

    async def come(self, count: int) -> None:
        """So many, a few at a time."""
        for start in range(0, count, _OPENED_AT_ONCE):
            self._tasks += [asyncio.create_task(self._watch()) for _ in range(min(_OPENED_AT_ONCE, count - start))]
            await self._all_open()

    async def _all_open(self) -> None:
        """Raises what a screen met that ended before it was open."""
        while self.open < len(self._tasks):
            for ended in [task for task in self._tasks if task.done()]:
                ended.result()
            await asyncio.sleep(0.01)

    async def _watch(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise ConnectionError(f"a screen was answered {head[:80]!r}")
        self.open += 1
        seen = set[bytes]()
        while chunk := await reader.read(65_536):
            now = time.time()
            for name in set(_ALERT.findall(chunk)) - seen:
                seen.add(name)
                self.heard[name.decode()].append(now)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
