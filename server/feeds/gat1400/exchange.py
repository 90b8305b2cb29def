"""One request and its answer over HTTP, with what belongs to every request of GA/T 1400."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cached_property
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractStreamWriter

from domain.viid.profile import Peer
from domain.viid.statuses import Status, statuses_in
from server.feeds.gat1400.body import Body

_MOST_ANSWER_BYTES = 4_000_000
_ACCEPT = "application/json,application/*+json"


class FarAway(Exception):
    """No answer: not reached, or not in time. What was sent may have arrived."""


class Answer(msgspec.Struct, frozen=True, dict=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @cached_property
    def statuses(self) -> list[Status]:
        return statuses_in(self.body)

    def __str__(self) -> str:
        said = "; ".join(map(str, self.statuses[:3])) or self.body[:200].decode(errors="replace")
        return f"HTTP {self.status} {said}".strip()


class _Sent(aiohttp.Payload):
    """A body that is made while it is sent."""

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self._body, self._size = body, len(body)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join(self._body).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        for some in self._body:
            await writer.write(some)


class Exchange:
    """A platform's HTTP, until ``close``. Redirects are the session's matter; cookies are nobody's."""

    def __init__(self, caller: str, peer: Peer, trust: ssl.SSLContext | bool = True) -> None:
        self._peer = peer
        self._headers = {"Content-Type": peer.media_type, "User-Identify": caller, "Accept": _ACCEPT}
        self._ssl = trust
        self._http: aiohttp.ClientSession | None = None

    async def ask(self, method: str, url: str, body: Body | bytes = b"", authorization: str = "") -> Answer:
        """Raises FarAway. A connection that the far end had closed meanwhile is made anew once."""
        headers = {**self._headers, "Authorization": authorization} if authorization else self._headers
        try:
            return await self._once(method, url, body, headers)
        except aiohttp.ServerDisconnectedError:
            return await self._again(method, url, body, headers)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise FarAway(_named(error, url)) from error

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _again(self, method: str, url: str, body: Body | bytes, headers: Mapping[str, str]) -> Answer:
        try:
            return await self._once(method, url, body, headers)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise FarAway(_named(error, url)) from error

    async def _once(self, method: str, url: str, body: Body | bytes, headers: Mapping[str, str]) -> Answer:
        data = _Sent(body) if isinstance(body, Body) else body or None
        request = self._session().request(method, url, data=data, headers=headers, allow_redirects=False, ssl=self._ssl)
        async with request as response:
            told = await response.content.read(_MOST_ANSWER_BYTES)
            return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, told)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._peer.timeout_s),
                connector=aiohttp.TCPConnector(limit=self._peer.connections + 1),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http


def path_of(url: str) -> str:
    return urlsplit(url).path or "/"


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _named(error: BaseException, url: str) -> str:
    return f"{origin_of(url)}: {str(error) or type(error).__name__}"
