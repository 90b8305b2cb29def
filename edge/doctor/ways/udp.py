"""UHPPOTE controllers: asked from a port of its own who they are, what time it is there, and what cards they hold."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from ipaddress import IPv4Address

from domain.desired_bodies import Device
from edge.devices import _uhppote_packet as packets
from edge.devices._times import wall_clock
from edge.devices._uhppote_commands import serial_of
from edge.devices.driver import BadMessage
from edge.doctor.box import Box
from edge.doctor.cards import judge_cards
from edge.doctor.ports import judge_port
from edge.doctor.verdict import Verdict
from edge.transports.addresses import host_and_port

_PORT, _TRIES, _ANSWER_S = 60_000, 2, 1.0
_ANYBODY = 0  # the serial number to which whoever is at an address answers


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    serial, written = serial_of(device.id), device.address or box.config.uhppote.broadcast
    found = host_and_port(written, "udp", _PORT)
    if serial is None or found is None:
        step = "the id is uhppote: and the serial number; 192.0.2.10 or 192.0.2.10:60000 is an address"
        verdict.wrong(f"{device.id} at {written!r} cannot be asked", step)
        return
    judge_port(verdict, box, "udp", box.config.uhppote.port, "[uhppote] port")
    try:
        async with _Line(found) as line:
            await _Asking(device, serial, verdict, box, line, written).run()
    except OSError as error:
        verdict.look(f"{written} cannot be reached: {error}", "look at the box's network, and at its address")


class _Line(asyncio.DatagramProtocol):
    """A socket of its own: answers go to whoever asked, and the agent hears none of these."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(100)

    async def __aenter__(self) -> _Line:
        loop = asyncio.get_running_loop()
        known = await loop.getaddrinfo(*self._address, family=socket.AF_INET)
        self.to = (str(known[0][4][0]), self._address[1])
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self,
            local_addr=("0.0.0.0", 0),  # noqa: S104 - a broadcast is answered to whichever address sent it
            family=socket.AF_INET,
            allow_broadcast=True,
        )
        self._transport = transport
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._answers.full():
            self._answers.put_nowait(data)

    async def ask(self, request: bytes) -> bytes | None:
        """The answer to this function by this controller, or by anybody where none is named."""
        wanted = request[1], packets.number_at(request, 4)
        for _ in range(_TRIES):
            self._transport.sendto(request, self.to)
            with suppress(TimeoutError):
                async with asyncio.timeout(_ANSWER_S):
                    return await self._heard(*wanted)
        return None

    async def _heard(self, function: int, serial: int) -> bytes:
        while not _answers(answer := await self._answers.get(), function, serial):
            pass
        return answer


def _answers(packet: bytes, function: int, serial: int) -> bool:
    try:
        said, who = packets.opened(packet)
    except BadMessage:
        return False
    return said == function and serial in (_ANYBODY, who)


class _Asking:
    """One controller."""

    def __init__(self, device: Device, serial: int, verdict: Verdict, box: Box, line: _Line, where: str) -> None:
        self._device, self._serial, self._verdict, self._box = device, serial, verdict, box
        self._line, self._where = line, where

    async def run(self) -> None:
        began_s = time.monotonic()
        found = await self._line.ask(packets.request(packets.GET_CONTROLLER, self._serial))
        if found is None:
            await self._is_silent()
            return
        took_ms = (time.monotonic() - began_s) * 1000
        self._verdict.well(f"{self._where} answers in {took_ms:.0f} ms, firmware {packets.firmware_in(found)}")
        await self._judge_clock()
        await self._judge_listener()
        await judge_cards(self._device, self._verdict, self._box, self._line.ask)

    async def _is_silent(self) -> None:
        """At an address of its own there may be another controller."""
        other = (
            await self._line.ask(packets.request(packets.GET_CONTROLLER, _ANYBODY)) if self._device.address else None
        )
        if other is not None:
            told = str(packets.opened(other)[1])
            self._verdict.judge_identity(str(self._serial), (told,), self._where)
            return
        step = (
            "look at its power and network; are box and controller in one network, and does no firewall stand between?"
        )
        self._verdict.look(f"no answer from {self._where}", step)

    async def _judge_clock(self) -> None:
        answer = await self._line.ask(packets.request(packets.GET_TIME, self._serial))
        if answer is None:
            return
        text, zone = packets.clock_text(answer[8:15]), self._box.config.site.zone
        shown = wall_clock(text, zone)
        sets = "the agent sets it once somebody vouches for this box's own clock: NTP on the box"
        step = sets if self._box.config.uhppote.set_clock else "set uhppote.set_clock = true: the agent sets it then"
        if shown is None:
            self._verdict.look(f"its clock shows {text or 'nothing'}", step)
        else:
            self._verdict.judge_clock(shown, self._box.now(), zone, step)

    async def _judge_listener(self) -> None:
        """Its events must come here."""
        answer = await self._line.ask(packets.request(packets.GET_LISTENER, self._serial))
        if answer is None or not self._box.runs:
            return
        address, port = packets.listener_in(answer)
        ours = self._own_address(), self._box.config.uhppote.port
        if (address, port) != ours:
            step = "the agent sets it within the hour; set [uhppote] tell where this box has several addresses"
            self._verdict.look(f"its events go to {address}:{port}, not to {ours[0]}:{ours[1]}", step)

    def _own_address(self) -> IPv4Address:
        if self._box.config.uhppote.tell:
            return IPv4Address(self._box.config.uhppote.tell)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            probe.connect(self._line.to)
            return IPv4Address(probe.getsockname()[0])
