"""The life of one UHPPOTE controller: asked how it is, set up, its clock kept, its log read, its cards brought."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address

import structlog

from domain.desired_bodies import Device
from domain.events import Event
from edge.config import Uhppote
from edge.devices import _uhppote_packet as packets
from edge.devices._times import wall_clock
from edge.devices.driver import Message, Packet, line_message
from edge.transports.addresses import host_and_port
from edge.transports.links import Around
from edge.transports.read_up_to import ReadUpTo
from edge.transports.uhppote_asking import TRIES, Asking, Fits
from edge.transports.uhppote_log import Link, LogReader
from eventlog.follow import rung_or_after

log = structlog.get_logger()

FAMILY = "uhppote-udp"
_PORT = 60_000
_AWAY_AFTER = 2  # looks without an answer
_OFF_BY = timedelta(seconds=5)
_MOST_ORDERS = 64
_AT_MOST_ONCE = frozenset({packets.OPEN_DOOR})
_SET_UP_EVERY_S = 3_600.0


@dataclass(frozen=True)
class Shared:
    """What the controllers of one transport share."""

    around: Around
    settings: Uhppote
    asking: Asking
    read: ReadUpTo


class Controller:
    """One listed controller. ``run`` lasts until cancelled."""

    def __init__(self, device: Device, serial: int, shared: Shared) -> None:
        self.device, self._serial = device, serial
        self._around, self._settings = shared.around, shared.settings
        self._asking, self._read = shared.asking, shared.read
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._failures = self._orders = 0
        self._set_up_s = -_SET_UP_EVERY_S
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = LogReader(device.id, serial, shared.around, shared.read, Link(self._ask, self._offer, self.wake))

    async def run(self) -> None:
        try:
            while True:
                self._wake.clear()
                await self._look_safely()
                await rung_or_after(self._wake, self._settings.poll_s)
        finally:
            for task in self._tasks:
                task.cancel()

    def wake(self) -> None:
        """Something is to be done now."""
        self._wake.set()

    def carry(self, packet: Packet) -> bool:
        """Send a command and offer what is answered; False where too many wait."""
        if self._orders >= _MOST_ORDERS:
            return False
        self._orders += 1
        task = asyncio.create_task(self._carry(packet))
        self._tasks.add(task)
        task.add_done_callback(self._carried)
        return True

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._orders -= 1
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("controller_not_told", device=self.device.id, error=repr(error))

    async def _carry(self, packet: Packet) -> None:
        """A door is told once: who did not hear the answer cannot know whether it opened."""
        tries = 1 if packet.payload[1] in _AT_MOST_ONCE else TRIES
        answer = await self._ask(packet.payload, tries=tries)
        if answer is not None:
            self._offer(answer, lambda: None, request_id=packet.request_id)

    def pushed(self, packet: bytes) -> None:
        """An event that the controller sent by itself."""
        number = packets.record_in(packet).index
        self._offer(packet, self._read.acknowledge(self.device.id, number, self._now_s()))
        numbers = self._read.of(self.device.id)
        if numbers and numbers.missing(number, 1, self._now_s()):
            self.wake()  # something before it did not arrive

    def _offer(self, payload: bytes, acknowledge: Callable[[], None], request_id: str = "") -> None:
        vendor_id = self.device.id.partition(":")[2]
        message = Message(FAMILY, payload, sender=vendor_id, request_id=request_id)
        self._around.intake.offer(message, acknowledge)

    async def _look_safely(self) -> None:
        try:
            await self._look()
        except Exception as error:  # noqa: BLE001 - what one controller does wrong ends nothing
            log.error("controller_failed", device=self.device.id, error=repr(error))

    async def _look(self) -> None:
        status = await self._ask(packets.request(packets.STATUS, self._serial))
        self._tell_line(status is not None)
        if status is None:
            return
        if self._now_s() - self._set_up_s >= _SET_UP_EVERY_S:
            await self._set_up()
        await self._bring_cards()
        await self._keep_clock(status)
        await self._log.read(packets.number_at(status, 8))
        await self._log.note()

    def _tell_line(self, answers: bool) -> None:
        self._failures = 0 if answers else self._failures + 1
        if not answers and self._failures < _AWAY_AFTER:
            return
        if not answers and self._failures == _AWAY_AFTER:
            self._set_up_s = -_SET_UP_EVERY_S
            if self._around.card_lists:
                self._around.card_lists.forget(self.device.id)
        message = line_message(self.device.id, "online" if answers else "offline")
        self._around.intake.offer(message, lambda: None)

    async def _set_up(self) -> None:
        """Tell it where its events go, and that doors and buttons are events."""
        found = await self._ask(packets.request(packets.GET_CONTROLLER, self._serial))
        listener = await self._ask(packets.request(packets.GET_LISTENER, self._serial))
        special = await self._ask(packets.request(packets.SPECIAL_EVENTS, self._serial, b"\1"))
        if found is None or listener is None or special is None:
            return
        wanted = await self._own_address(), self._settings.port
        if packets.listener_in(listener) != wanted:
            request = packets.set_listener(self._serial, *wanted)
            if await self._ask(request) is None:
                return
            log.info("listener_set", device=self.device.id, was=str(packets.listener_in(listener)), now=str(wanted))
        self._set_up_s = self._now_s()
        log.info("controller", device=self.device.id, firmware=packets.firmware_in(found), mac=packets.mac_in(found))

    async def _own_address(self) -> IPv4Address:
        """By which address this box reaches the controller; that of the settings goes before."""
        if self._settings.tell:
            return IPv4Address(self._settings.tell)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            probe.connect(await self._address())
            return IPv4Address(probe.getsockname()[0])

    async def _bring_cards(self) -> None:
        cards, identity = self._around.card_lists, self.device.id
        if cards is not None and cards.is_due(identity, self._now_s()):
            await cards.bring(identity, self._ask, self._now_s())
            if cards.is_due(identity, self._now_s()):
                self.wake()  # other wishes came meanwhile

    async def _keep_clock(self, status: bytes) -> None:
        """Its clock dates its events, and its cards end by it. Set only by a time that somebody vouches for."""
        now, zone = self._around.clock.trusted_now(), self._around.config.site.zone
        shown = wall_clock(packets.status_clock(status), zone)
        if now is None or (shown is not None and abs(shown - now) <= _OFF_BY):
            return
        off_s = None if shown is None else round((shown - now).total_seconds(), 1)
        log.warning("controller_clock", device=self.device.id, off_s=off_s, set=self._settings.set_clock)
        metrics = {} if off_s is None else {"clock_off_s": off_s}
        text = packets.status_clock(status)
        told = Event(kind="measurement", device=self.device.id, label="clock", text=text, metrics=metrics, time=now)
        self._around.say(told)
        if self._settings.set_clock:
            await self._ask(packets.set_time(self._serial, now.astimezone(zone)))

    async def _ask(self, request: bytes, fits: Fits = lambda answer: True, tries: int = TRIES) -> bytes | None:
        async with self._one_at_a_time:
            try:
                return await self._asking.ask(await self._address(), request, fits, tries)
            except OSError as error:
                log.warning("controller_unreachable", device=self.device.id, error=str(error))
                return None

    async def _address(self) -> tuple[str, int]:
        """Raises OSError for a name that is not known."""
        written = self.device.address or self._settings.broadcast
        found = host_and_port(written, "udp", _PORT)
        if found is None:
            raise OSError(f"{written!r} is no address; 192.0.2.10 or 192.0.2.10:60000 is one")
        host, port = found
        known = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET)
        return str(known[0][4][0]), port

    def _now_s(self) -> float:
        return self._around.clock.monotonic_s()
