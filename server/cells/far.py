"""The other cell, as the one that a complex leaves calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiohttp
import msgspec

from eventlog.log import Adopted
from server.cells.arrive import Announced, NotNow, Standing
from server.cells.rows import Digest, Parcel
from server.cells.trust import tls

T = TypeVar("T")
Answer = tuple[int, bytes]
Send = Callable[[str, str, bytes], Awaitable[Answer]]  # method, path, body
_TIMEOUT = aiohttp.ClientTimeout(total=300, sock_connect=10)


class FarAway(Exception):
    """The other cell, or the directory, does not answer; nothing is lost by trying again later."""


class Far:
    """Every call may be made again. Raises FarAway, NotNow."""

    def __init__(self, send: Send, complex_id: str) -> None:
        self._send, self._path = send, f"/v1/moves/{complex_id}"

    async def begin(self, said: Announced) -> Standing:
        return await self._call("begin", said, Standing)

    async def standing(self) -> Standing:
        return await self._call("standing", None, Standing)

    async def adopt(self, after: int, batches: Sequence[Adopted]) -> Standing:
        return await self._call(f"batches/{after}", list(batches), Standing)

    async def put_rows(self, step: int, parcel: Parcel) -> Standing:
        return await self._call(f"rows/{step}", parcel, Standing)

    async def unknown_pictures(self, names: Sequence[str]) -> list[str]:
        return await self._call("pictures", list(names), list[str])

    async def put_picture(self, name: str, media_type: str, body: bytes) -> None:
        await self._call(f"picture/{name}", (media_type, body), bool)

    async def digests(self) -> dict[str, Digest]:
        return await self._call("digests", None, dict[str, Digest])

    async def open(self) -> Standing:
        return await self._call("open", None, Standing)

    async def _call(self, step: str, content: Any, kind: type[T]) -> T:
        status, body = await self._send("POST", f"{self._path}/{step}", msgspec.msgpack.encode(content))
        if status != 200:
            raise _refused(status, body)
        return msgspec.msgpack.decode(body, type=kind)


def _refused(status: int, body: bytes) -> Exception:
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return FarAway(f"it answers {status}, which is not a cell's answer: a proxy between?")
    word, text = str(said.get("error", status)), str(said.get("message", ""))
    return FarAway(f"it answers {status} {word}: {text}") if status >= 500 else NotNow(word, text)


def sender(session: aiohttp.ClientSession, url: str, secret: bytes, fingerprint: str = "") -> Send:
    """Sends to a cell, or to the directory, with the secret that both know. Raises FarAway."""
    headers = {"Authorization": f"Bearer {secret.decode()}"} if secret else {}
    checked = tls(fingerprint)

    async def send(method: str, path: str, body: bytes) -> Answer:
        address = url.rstrip("/") + path
        try:
            async with session.request(
                method, address, data=body, headers=headers, ssl=checked, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                return response.status, await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise FarAway(f"{url}: {error!r}") from error

    return send
