"""Calls to far ends over HTTP: bounded in time and length, never redirected, and no address of theirs in any error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from domain.delivery import Refusal
from domain.masking import masked_text
from server.channels.channel import NotSent

if TYPE_CHECKING:
    import aiohttp

_MOST_BYTES = 8_192
_MOST_WORDS = 200
_STATUSES: Mapping[int, Refusal] = {
    401: "bad_key",
    403: "blocked",
    404: "gone",
    408: "timeout",
    410: "gone",
    413: "too_long",
    429: "rate_limited",
}


class Answer(NamedTuple):
    """What came back, the beginning of it."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def said(self) -> dict[str, Any]:
        """The JSON object in it; empty where there is none."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.MsgspecError:
            return {}


class Caller:
    """One channel's connections. They are made at the first call: settings are read where no loop runs yet."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises NotSent where nothing, or nothing whole, comes back in time."""
        import aiohttp  # only who calls needs it: a command of the server's starts in half the time

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return Answer(answer.status, await answer.content.read(_MOST_BYTES), answer.headers)
        except TimeoutError:
            raise NotSent("timeout", f"no answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Only what kind it is: an address that a key is part of stands in some of them.
            raise NotSent("ill", type(error).__name__) from None

    async def post_json(self, url: str, content: Any, headers: Mapping[str, str] | None = None) -> Answer:
        body = msgspec.json.encode(content)
        return await self.post(url, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def judge(answer: Answer) -> None:
    """By the status alone. Raises NotSent for one that is no success."""
    if 200 <= answer.status < 300:
        return
    why = _STATUSES.get(answer.status, "ill" if answer.status >= 500 else "refused")
    raise NotSent(why, f"HTTP {answer.status}", _asked(answer))


def _asked(answer: Answer) -> timedelta | None:
    wait = answer.headers.get("Retry-After") or answer.headers.get("x-ogw-ratelimit-reset") or ""
    return timedelta(seconds=min(int(wait), 86_400)) if wait.isdecimal() and len(wait) < 9 else None


def quoted(text: object, secrets: tuple[str, ...] = ()) -> str:
    """What a far end says of itself: short, without what it may repeat of our secrets, or of somebody's number."""
    words = str(text)
    for secret in secrets:
        words = words.replace(secret, "***") if secret else words
    return masked_text(" ".join(words.split()))[:_MOST_WORDS]
