"""UDP: UHPPOTE controllers, asked by one socket and heard by another."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import structlog

from edge.devices import _uhppote_packet as packets
from edge.devices._uhppote_commands import KIND, serial_of
from edge.devices.driver import BadMessage, Message, Outgoing, Packet
from edge.transports.links import Around
from edge.transports.read_up_to import ReadUpTo
from edge.transports.uhppote_asking import Asking
from edge.transports.uhppote_controller import FAMILY, Controller, Shared

log = structlog.get_logger()

_LOOK_S = 1.0
_TOPIC = "udp"


def make(around: Around) -> Udp:
    return Udp(around)


class _Listening(asyncio.DatagramProtocol):
    """Where controllers push their events."""

    def __init__(self, transport: Udp) -> None:
        self._udp = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._udp.heard(data, addr[0])


class Udp:
    """Every listed controller, and whoever else sends packets like theirs."""

    def __init__(self, around: Around) -> None:
        self._around, self._settings = around, around.config.uhppote
        self._asking = Asking(self._settings.answer_s)
        self._read = ReadUpTo(around.config.folder, "udp")
        self._controllers: dict[int, tuple[Controller, asyncio.Task[None]]] = {}
        self._revision = -1
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled. Raises OSError where a port is taken."""
        loop = asyncio.get_running_loop()
        here = (self._settings.host, self._settings.port)
        listening, _ = await loop.create_datagram_endpoint(lambda: _Listening(self), local_addr=here)
        try:
            local = (self._settings.host, 0)
            asking, _ = await loop.create_datagram_endpoint(
                lambda: self._asking, local_addr=local, family=socket.AF_INET, allow_broadcast=True
            )
        except OSError:
            listening.close()
            raise
        try:
            await self._keep()
        finally:
            self._stop(set(self._controllers))
            listening.close()
            asking.close()

    async def _keep(self) -> None:
        try:
            while True:
                self._settle()
                await self._read.save()
                await asyncio.sleep(_LOOK_S)
        finally:
            await self._read.save()

    def _settle(self) -> None:
        """Controllers as the device list has them now; other wishes wake them all."""
        listed = {serial: device for device in self._around.devices.of_kind(KIND) if (serial := serial_of(device.id))}
        changed = {serial for serial, (there, _) in self._controllers.items() if listed.get(serial) != there.device}
        self._stop(changed)
        shared = Shared(self._around, self._settings, self._asking, self._read)
        for serial in listed.keys() - self._controllers.keys():
            controller = Controller(listed[serial], serial, shared)
            self._controllers[serial] = controller, asyncio.create_task(controller.run())
        revision = self._around.card_lists.revision if self._around.card_lists else 0
        if revision != self._revision:
            self._revision = revision
            for controller, _ in self._controllers.values():
                controller.wake()

    def _stop(self, serials: set[int]) -> None:
        for serial in serials:
            _, task = self._controllers.pop(serial)
            task.cancel()

    def heard(self, data: bytes, source: str) -> None:
        """A packet at the port for events: of a listed controller, or parked with where it came from."""
        self.counts["heard"] += 1
        try:
            function, serial = packets.opened(data)
        except BadMessage:
            function, serial = 0, 0
        there = self._controllers.get(serial)
        if there is not None and function == packets.STATUS:
            there[0].pushed(data)
            return
        self._around.intake.offer(Message(FAMILY, data, topic=f"{_TOPIC}/{source}"), lambda: None)

    def send(self, device: str, message: Outgoing) -> bool:
        """Whether it is a listed controller, and has room for one more."""
        if not isinstance(message, Packet) or not device.startswith(f"{KIND}:"):
            return False
        there = self._controllers.get(serial_of(device) or 0)
        return there is not None and there[0].carry(message)
