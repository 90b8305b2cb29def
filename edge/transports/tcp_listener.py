"""Devices that connect to us: confirmed once what they said is durable, bounded, and never waited for."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from typing import Literal

import structlog

from edge.config import Tcp
from edge.devices.driver import BadMessage, Message, Packet, line_message
from edge.devices.tcp_line import Line
from edge.transports.links import Around
from edge.transports.tcp_frames import Frames, room

log = structlog.get_logger()

_READ_BYTES = 64 * 1024
_MOST_FROM_ONE = 8  # connections from one address
_MOST_UNCONFIRMED = 64  # frames of one connection
_UNCONFIRMED_S = 60.0  # so long none of them became durable: the device shall come again and repeat
_MOST_UNSENT_BYTES = 256 * 1024
_MOST_REQUESTS = 64


class Listener:
    """The port of one family. ``run`` lasts until cancelled."""

    def __init__(self, kind: str, line: Line, around: Around) -> None:
        self._kind, self._line, self._around = kind, line, around
        self._settings: Tcp = around.config.tcp
        self._port = self._settings.ports.get(line.family, line.port)
        self._clients: Counter[str] = Counter()
        self._writers: set[asyncio.StreamWriter] = set()
        self._lines: dict[str, asyncio.StreamWriter] = {}  # vendor identity -> where it was last heard
        self._heard_s: dict[str, float] = {}
        self._requests: OrderedDict[int, str] = OrderedDict()
        self._began_s = around.clock.monotonic_s()
        self._away: set[str] = set()
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Raises OSError where the port is taken."""
        server = await asyncio.start_server(self._serve, self._settings.host, self._port)
        log.info("listening", family=self._line.family, host=self._settings.host, port=self._port)
        try:
            while True:
                self._look_for_silence()
                await asyncio.sleep(1.0)
        finally:
            server.close()
            for writer in self._writers:
                writer.close()

    def send(self, vendor_id: str, packet: Packet) -> bool:
        """Whether the device is connected and its line takes it."""
        writer = self._lines.get(vendor_id)
        if writer is None or writer.is_closing():
            return False
        self._requests[self._line.token_of(packet.payload)] = packet.request_id
        while len(self._requests) > _MOST_REQUESTS:
            self._requests.popitem(last=False)
        return _written(writer, packet.payload)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = str(writer.get_extra_info("peername", ("?",))[0])
        if self._clients.total() >= self._settings.clients or self._clients[source] >= _MOST_FROM_ONE:
            self.counts["refused"] += 1
            log.warning("connection_refused", family=self._line.family, source=source)
            writer.close()
            return
        self._clients[source] += 1
        self._writers.add(writer)
        try:
            await _Client(self, reader, writer, source).run()
        except (OSError, TimeoutError) as error:
            log.info("connection_ended", family=self._line.family, source=source, why=str(error) or "too slow")
        except Exception as error:  # noqa: BLE001 - what one device does wrong ends nothing
            log.error("connection_failed", family=self._line.family, source=source, error=repr(error))
        finally:
            self._clients[source] -= 1
            self._writers.discard(writer)
            writer.close()

    def note(self, identity: str, writer: asyncio.StreamWriter) -> None:
        """A device was heard on a line: commands go there from now on."""
        new = self._lines.get(identity) is not writer
        listed = self._around.devices.of(f"{self._kind}:{identity}") is not None
        if not listed:
            return
        self._lines[identity], self._heard_s[identity] = writer, self._around.clock.monotonic_s()
        self._away.discard(identity)
        if new:
            self._tell(identity, "online")

    def _look_for_silence(self) -> None:
        """A listed device that was not heard for too long is away, and that is said once."""
        now_s = self._around.clock.monotonic_s()
        listed = {device.id.partition(":")[2] for device in self._around.devices.of_kind(self._kind)}
        for gone in self._lines.keys() - listed:
            del self._lines[gone]
        for identity in listed - self._away:
            if now_s - self._heard_s.get(identity, self._began_s) > self._line.silent_s:
                self._away.add(identity)
                self._lines.pop(identity, None)
                self._tell(identity, "offline")

    def _tell(self, identity: str, state: Literal["online", "offline"]) -> None:
        self._around.intake.offer(line_message(f"{self._kind}:{identity}", state), lambda: None)

    @property
    def line(self) -> Line:
        return self._line

    @property
    def around(self) -> Around:
        return self._around

    def request_of(self, token: int) -> str:
        return self._requests.get(token, "")


class _Client:
    """One connection."""

    def __init__(
        self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str
    ) -> None:
        self._listener, self._reader, self._writer, self._source = listener, reader, writer, source
        self._unconfirmed = asyncio.Semaphore(_MOST_UNCONFIRMED)

    async def run(self) -> None:
        """Until it ends. Raises TimeoutError for one that is too slow, or silent for too long."""
        frames = Frames(self._listener.line)
        begun_s: float | None = None
        while True:
            received = await self._read(begun_s)
            if not received:
                return
            found = frames.feed(received)
            for frame in found:
                await self._take(frame)
            if not frames.has_begun:
                begun_s = None
            elif found or begun_s is None:
                begun_s = self._now_s()

    async def _read(self, begun_s: float | None) -> bytes:
        """What comes next; a frame that has begun must be whole in time, however its bytes drip."""
        left_s = self._listener.line.silent_s
        if begun_s is not None:
            left_s = max(0.0, begun_s + self._listener.around.config.tcp.frame_s - self._now_s())
        async with asyncio.timeout(left_s):
            return await self._reader.read(_READ_BYTES)

    async def _take(self, frame: bytes) -> None:
        around = self._listener.around
        await room(around.intake)
        async with asyncio.timeout(_UNCONFIRMED_S):
            await self._unconfirmed.acquire()
        identity = self._listener.line.identity_of(frame)
        if identity is not None:
            self._listener.note(identity, self._writer)
        request_id = self._listener.request_of(self._listener.line.token_of(frame))
        message = Message(self._listener.line.family, frame, topic=f"tcp/{self._source}", request_id=request_id)
        around.intake.offer(message, lambda: self._confirm(message))

    def _confirm(self, message: Message) -> None:
        """It is durable: tell the device. What is rubbish, nobody sent."""
        self._unconfirmed.release()
        around = self._listener.around
        try:
            answer = around.registry.answer(message, around.config.site)
        except BadMessage:
            return
        if answer is not None and not self._writer.is_closing():
            _written(self._writer, answer.payload)

    def _now_s(self) -> float:
        return self._listener.around.clock.monotonic_s()


def _written(writer: asyncio.StreamWriter, payload: bytes) -> bool:
    """False where the device does not read what it is told."""
    if writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
        return False
    writer.write(payload)
    return True
