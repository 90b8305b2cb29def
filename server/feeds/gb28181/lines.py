"""The two ways to a platform: datagrams from the socket that listens, or one connection that we open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from server.feeds.gb28181.framing import Framer
from server.feeds.gb28181.sip import BadSip

log = structlog.get_logger()

# A whole message, and how to answer whoever sent it.
Take = Callable[[bytes, Callable[[bytes], None]], None]
_CONNECT_S = 10.0
_READ_BYTES = 64 * 1024
_MOST_UNSENT_BYTES = 1024 * 1024


class Line(Protocol):
    """An open way to one platform."""

    name: str  # as in a Via: UDP, TCP
    is_reliable: bool
    local: tuple[str, int]

    def send(self, packet: bytes) -> None:
        """Raises OSError where the line is gone."""
        ...

    def close(self) -> None: ...


class UdpLine(asyncio.DatagramProtocol):
    """Whoever else sends to our socket is not heard."""

    name, is_reliable = "UDP", False

    def __init__(self, far: tuple[str, int], take: Take, broken: Callable[[Exception], None]) -> None:
        self.far, self._take, self._broken = far, take, broken
        self.local: tuple[str, int] = ("", 0)
        self.strangers = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.local = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] != self.far[0]:
            self.strangers += 1
            log.warning("gb28181_stranger", address=addr[0], bytes=len(data), heard=self.strangers)
            return
        self._take(data, lambda packet: self._to(packet, addr))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there just now; what waits for an answer waits on, for a platform that starts again."""
        log.info("gb28181_unreachable", error=repr(exc))

    def send(self, packet: bytes) -> None:
        self._to(packet, self.far)

    def _to(self, packet: bytes, address: tuple[str, int]) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the socket is closed")
        self._transport.sendto(packet, address)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._broken(exc)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class TcpLine:
    """Both sides ask over the one connection."""

    name, is_reliable = "TCP", True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, take: Take) -> None:
        self._reader, self._writer, self._take = reader, writer, take
        self.local: tuple[str, int] = writer.get_extra_info("sockname")[:2]

    async def read(self, broken: Callable[[Exception], None]) -> None:
        """Take what comes until the connection ends, and say so."""
        framer = Framer()
        try:
            while came := await self._reader.read(_READ_BYTES):
                for packet in framer.feed(came):
                    self._take(packet, self.send)
            broken(ConnectionError("the platform closed the connection"))
        except (OSError, BadSip) as error:
            broken(error if isinstance(error, OSError) else ConnectionError(str(error)))

    def send(self, packet: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionError("the connection is closed")
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            raise ConnectionError("the platform takes nothing any more")
        self._writer.write(packet)

    def close(self) -> None:
        self._writer.close()


async def open_udp(
    far: tuple[str, int], local: tuple[str, int], take: Take, broken: Callable[[Exception], None]
) -> UdpLine:
    """Raises OSError."""
    loop = asyncio.get_running_loop()
    address = await _resolved(far, socket.SOCK_DGRAM)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    _, line = await loop.create_datagram_endpoint(
        lambda: UdpLine(address, take, broken), local_addr=(local[0] or _towards(address, family), local[1])
    )
    return line


async def open_tcp(
    far: tuple[str, int], local: tuple[str, int], take: Take, broken: Callable[[Exception], None]
) -> tuple[TcpLine, asyncio.Task[None]]:
    """The line, and the task that reads it. Raises OSError."""
    from_here = (local[0], 0) if local[0] else None
    async with asyncio.timeout(_CONNECT_S):
        reader, writer = await asyncio.open_connection(*far, local_addr=from_here)
    line = TcpLine(reader, writer, take)
    return line, asyncio.create_task(line.read(broken))


async def _resolved(far: tuple[str, int], kind: socket.SocketKind) -> tuple[str, int]:
    found = await asyncio.get_running_loop().getaddrinfo(*far, type=kind)
    host, port = found[0][4][:2]
    return str(host), int(port)


def _towards(far: tuple[str, int], family: socket.AddressFamily) -> str:
    """Our address as the platform sees it, where nothing translates it: no byte is sent for this."""
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect(far)
        return asking.getsockname()[0]
