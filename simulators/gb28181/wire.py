"""Datagrams and connections on one port of loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from simulators.gb28181.sip import split_stream

Take = Callable[[bytes, Callable[[bytes], None]], None]


class Wire(asyncio.DatagramProtocol):
    """``spoken``: by which of the two somebody came last, as a Via names it."""

    def __init__(self, host: str, port: int, take: Take) -> None:
        self._host, self.port, self._take = host, port, take
        self.spoken = "UDP"
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._connected, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        made = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, self.port))
        self._datagrams = made[0]

    async def stop(self) -> None:
        if self._datagrams:
            self._datagrams.close()
        self.cut()
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """End every connection."""
        for writer in self._writers:
            writer.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.spoken = "UDP"
        sender = self._datagrams
        self._take(data, lambda packet: sender.sendto(packet, addr) if sender else None)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.spoken = "TCP"
        self._writers.add(writer)
        held = b""
        try:
            while came := await reader.read(65_536):
                packets, held = split_stream(held + came)
                for packet in packets:
                    self._take(packet, lambda data: None if writer.is_closing() else writer.write(data))
        except ConnectionError:
            pass  # they are gone
        finally:
            self._writers.discard(writer)
            writer.close()
