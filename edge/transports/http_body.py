"""The body of a pushed request: as much of it as the bounds allow, inflated where it came deflated."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web

_HELD_BYTES = 64 * 1024 * 1024  # of all bodies that are on their way, together
_INFLATERS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}  # with a zlib head, or as some firmware: without


class NoRoom(Exception):
    """The bodies on their way fill what is set aside for them."""


class BodyBroke(Exception):
    """The body did not come whole; says how."""


class Bodies:
    """Reads bodies, each up to ``limit_bytes`` and one more, which tells that there was more."""

    def __init__(self, limit_bytes: int, within_s: float, held_bytes: int = _HELD_BYTES) -> None:
        self._limit_bytes, self._within_s, self._free_bytes = limit_bytes, within_s, held_bytes

    async def read(self, request: web.Request) -> bytes:
        """Raises NoRoom, BodyBroke."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._within_s):
                await self._gather(request, body)
        except TimeoutError as error:
            raise BodyBroke(f"only {len(body)} bytes came within {self._within_s:.0f} s") from error
        except (web.RequestPayloadError, OSError) as error:
            raise BodyBroke(f"it broke off after {len(body)} bytes") from error
        finally:
            self._free_bytes += len(body)
        return self._inflated(bytes(body[: self._limit_bytes + 1]), request.headers.get("Content-Encoding", ""))

    async def _gather(self, request: web.Request, body: bytearray) -> None:
        while len(body) <= self._limit_bytes and (chunk := await request.content.readany()):
            body += chunk
            self._free_bytes -= len(chunk)
            if self._free_bytes < 0:
                raise NoRoom("too many large messages at one time")

    def _inflated(self, body: bytes, encoding: str) -> bytes:
        """What does not inflate stays as it came: some say deflate and send plain text."""
        for window_bits in _INFLATERS.get(encoding.strip().lower(), ()):
            inflater = zlib.decompressobj(window_bits)
            try:
                inflated = inflater.decompress(body, self._limit_bytes + 1)
            except zlib.error:
                continue
            if inflater.eof or len(inflated) > self._limit_bytes:
                return inflated
        return body
