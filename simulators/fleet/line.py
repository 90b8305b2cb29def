"""A simulated gateway's line to the centre: its own connections, signed requests, and what went wrong, counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiohttp
import msgspec

from simulators.fleet.keys import Signer
from simulators.fleet.report import Report

BATCH_TYPE, JSON_TYPE = "application/vnd.gatehouse.batch", "application/json"
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
_CONNECTIONS = 4

Answer = tuple[int, dict[str, Any]]


class Away(Exception):
    """The centre could not be reached, or is busy: come again later."""


class Line:
    """``up`` is cleared while the line is cut."""

    def __init__(self, server: str, signer: Signer, now: Callable[[], datetime], report: Report) -> None:
        self._server, self._signer, self._now, self._report = server, signer, now, report
        self._session: aiohttp.ClientSession | None = None
        self.up = asyncio.Event()
        self.up.set()

    async def cut(self) -> None:
        """No more connections, those that stand are closed, until ``mend``."""
        self.up.clear()
        await self.close()

    def mend(self) -> None:
        self.up.set()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, path: str, content: Any) -> Answer:
        return await self.send(path, msgspec.json.encode(content), JSON_TYPE)

    async def send(self, path: str, body: bytes, content_type: str, times: str = "") -> Answer:
        """Status and answer; a refusal for the clock is learnt from, and the request tried once more. Raises Away."""
        status, said = await self._send(path, body, content_type, times)
        if status == 401 and self._learn(said):
            status, said = await self._send(path, body, content_type, times)
        if status == 503:
            raise Away(str(said.get("error")))
        return status, said

    def _learn(self, said: dict[str, Any]) -> bool:
        if said.get("error") not in ("expired", "not_yet") or "server_time" not in said:
            return False
        self._signer.learn(datetime.fromisoformat(said["server_time"]), self._now())
        self._report.happened["clock_learnt"] += 1
        return True

    async def _send(self, path: str, body: bytes, content_type: str, times: str) -> Answer:
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {self._signer.token(self._now())}"}
        began_s = time.perf_counter()
        try:
            async with self._opened().post(self._server + path, data=body, headers=headers) as response:
                said = msgspec.json.decode(await response.read() or b"{}", type=dict[str, Any])
        except (TimeoutError, aiohttp.ClientError, OSError, RuntimeError, msgspec.MsgspecError) as error:
            self._report.refused["unreachable"] += 1
            raise Away(str(error)) from error
        if times:
            self._report.times[times].add(time.perf_counter() - began_s)
        if response.status != 200:
            self._report.refused[str(said.get("error", response.status))] += 1
        return response.status, said

    def _opened(self) -> aiohttp.ClientSession:
        if not self.up.is_set():
            raise OSError("the line is cut")
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=60, use_dns_cache=False)
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, timeout=_TIMEOUT)
        return self._session
