"""One kept-alive HTTP connection with as little about it as can be: on two cores the load's own work counts too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools


class Line(asyncio.Protocol):
    """Answers come to requests one at a time."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._body: list[bytes] = []
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)

    @classmethod
    async def to(cls, url: str) -> Line:
        where = urlsplit(url)
        _, line = await asyncio.get_running_loop().create_connection(
            lambda: cls(where.netloc), where.hostname or "", where.port or 80
        )
        return line

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body. Raises ConnectionError."""
        self._answer = asyncio.get_running_loop().create_future()
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n{said}\r\n"
        self._transport.write(head.encode() + body)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))

    # --- what the parser says ---

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), body))
