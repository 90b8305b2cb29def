"""TCP: devices that we connect to, and devices that connect to us, as their drivers say."""

from __future__ import annotations

import asyncio

import structlog

from domain.desired_bodies import Device
from edge.devices.driver import Outgoing, Packet
from edge.devices.tcp_line import Line
from edge.transports.addresses import host_and_port
from edge.transports.links import Around
from edge.transports.read_up_to import ReadUpTo
from edge.transports.tcp_connection import SCHEME, Connection
from edge.transports.tcp_listener import Listener

log = structlog.get_logger()

TAKES_CALLS = True  # its devices come to us
_LOOK_S = 1.0


def make(around: Around) -> TcpLines:
    return TcpLines(around)


class TcpLines:
    """The lines of the listed devices, and a port for each family that connects by itself, listed or looked for."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._read = ReadUpTo(around.config.folder, "tcp")
        self._connections: dict[str, tuple[Connection, asyncio.Task[None]]] = {}
        self._listeners: dict[str, tuple[Listener, asyncio.Task[None]]] = {}
        self._not_before_s: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._settle()
                await self._read.save()
                await asyncio.sleep(_LOOK_S)
        finally:
            tasks = [task for _, task in (*self._connections.values(), *self._listeners.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._read.save()

    def send(self, device: str, message: Outgoing) -> bool:
        """Whether there is a line to the device, and it takes it."""
        if not isinstance(message, Packet):
            return False
        if (there := self._connections.get(device)) is not None:
            return there[0].send(message)
        kind, _, vendor_id = device.partition(":")
        listening = self._listeners.get(kind)
        return listening is not None and listening[0].send(vendor_id, message)

    def _settle(self) -> None:
        lines = self._around.registry.lines
        self._settle_connections([(kind, line) for kind, line in lines if line.role == "connect"])
        for kind, line in lines:
            if line.role == "listen":
                self._settle_listener(kind, line)

    def _settle_connections(self, lines: list[tuple[str, Line]]) -> None:
        wanted = {
            device.id: (device, line)
            for kind, line in lines
            for device in self._around.devices.of_kind(kind)
            if _is_ours(device, line)
        }
        for identity, (connection, task) in list(self._connections.items()):
            if identity not in wanted or wanted[identity][0] != connection.device:
                task.cancel()
                del self._connections[identity]
        for identity in wanted.keys() - self._connections.keys():
            connection = Connection(*wanted[identity], self._around, self._read)
            self._connections[identity] = connection, asyncio.create_task(connection.run())

    def _settle_listener(self, kind: str, line: Line) -> None:
        """A port that is taken is tried again; the other lines go on."""
        there = self._listeners.get(kind)
        if there is not None and there[1].done():
            self._note_end(kind, there[1])
        is_wanted = bool(self._around.devices.of_kind(kind)) or self._around.is_open()
        there = self._listeners.get(kind)
        if there is not None and not is_wanted:
            self._listeners.pop(kind)[1].cancel()
        elif there is None and is_wanted and self._around.clock.monotonic_s() >= self._not_before_s.get(kind, 0.0):
            listener = Listener(kind, line, self._around)
            self._listeners[kind] = listener, asyncio.create_task(listener.run())

    def _note_end(self, kind: str, task: asyncio.Task[None]) -> None:
        del self._listeners[kind]
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._failures[kind] = self._failures.get(kind, 0) + 1
        wait_s = self._around.retry_s(self._failures[kind])
        self._not_before_s[kind] = self._around.clock.monotonic_s() + wait_s
        log.error("not_listening", kind=kind, error=repr(error), again_in_s=round(wait_s, 1))


def _is_ours(device: Device, line: Line) -> bool:
    """A device whose address does not say ``tcp://`` is reached another way: the same camera may push over HTTP."""
    says_so = device.address.strip().startswith(f"{SCHEME}://")
    return says_so and host_and_port(device.address, SCHEME, line.port) is not None
