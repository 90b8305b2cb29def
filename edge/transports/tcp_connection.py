"""A line to one device that listens: connected, greeted, kept alive, what was missed read back, and connected again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Literal

import structlog

from domain.desired_bodies import Device
from edge.devices.driver import Message, Packet, line_message
from edge.devices.tcp_line import Line, OwnLog
from edge.transports.addresses import host_and_port
from edge.transports.links import Around
from edge.transports.read_up_to import ReadUpTo
from edge.transports.tcp_frames import Frames, room

log = structlog.get_logger()

SCHEME = "tcp"
_CONNECT_S, _ANSWER_S, _NAMED_WITHIN_S = 10.0, 5.0, 3.0
_AWAY_AFTER_S = 15.0  # a line that comes again sooner was never said to be away
_READ_BYTES = 256 * 1024
_MOST_UNSENT_BYTES = 1024 * 1024
_MOST_RECORDS = 2_000
_LAST_TOKEN = 255
_MOST_REQUESTS = 64


class Connection:
    """One listed device. ``run`` lasts until cancelled."""

    def __init__(self, device: Device, line: Line, around: Around, read: ReadUpTo) -> None:
        self.device, self._line, self._around, self._read = device, line, around, read
        self._listed = self._vouched = device.id.partition(":")[2]
        self._writer: asyncio.StreamWriter | None = None
        self._named = asyncio.Event()
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._records: dict[int, int] = {}  # token -> the record's number, also of what was given up waiting for
        self._requests: OrderedDict[int, str] = OrderedDict()  # token -> the id of the command
        self._greeting_tokens = frozenset(line.token_of(said) for said in line.greeting)
        self._said: dict[int, bytes] = {}
        self._token = 0
        self._lost_s: float | None = None
        self._failures = 0

    async def run(self) -> None:
        while True:
            try:
                await self._once()
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                log.info("line_away", device=self.device.id, error=repr(error))
            except Exception as error:  # noqa: BLE001 - what one device does wrong ends nothing
                log.error("line_failed", device=self.device.id, error=repr(error))
            self._failures += 1
            await self._stay_away(self._around.retry_s(self._failures))

    async def _stay_away(self, wait_s: float) -> None:
        """Wait, and say that the device is away once it has been for long enough."""
        until_s = self._now_s() + wait_s
        self._lost_s = self._now_s() if self._lost_s is None else self._lost_s
        away_s = self._lost_s + _AWAY_AFTER_S
        if away_s <= until_s:
            await asyncio.sleep(max(0.0, away_s - self._now_s()))
            self._tell("offline")
        await asyncio.sleep(max(0.0, until_s - self._now_s()))

    def _tell(self, state: Literal["online", "offline"]) -> None:
        self._around.intake.offer(line_message(self.device.id, state), _nothing)

    async def _once(self) -> None:
        """One connection, from its beginning to its end."""
        found = host_and_port(self.device.address, SCHEME, self._line.port)
        if found is None:
            raise OSError(f"{self.device.address!r} is no address")
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(*found)
        self._writer, self._vouched = writer, self._listed
        self._named.clear()
        tasks = [asyncio.create_task(work) for work in (self._keep_alive(writer), self._catch_up())]
        try:
            for said in self._line.greeting:
                writer.write(said)
            await self._hear(reader)
        finally:
            self._writer = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()

    async def _keep_alive(self, writer: asyncio.StreamWriter) -> None:
        while self._line.heartbeat:
            writer.write(self._line.heartbeat)
            await writer.drain()
            await asyncio.sleep(self._line.heartbeat_s)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        """Until the line ends, is silent for too long, or a frame does not become whole: then it was none."""
        frames = Frames(self._line)
        begun_s: float | None = None
        while True:
            async with asyncio.timeout(self._line.silent_s):
                received = await reader.read(_READ_BYTES)
            if not received:
                raise OSError("the device closed the line")
            found = frames.feed(received)
            for frame in found:
                await room(self._around.intake)
                self._take(frame)
            begun_s = None if not frames.has_begun else self._now_s() if found or begun_s is None else begun_s
            if begun_s is not None and self._now_s() - begun_s > self._around.config.tcp.frame_s:
                raise OSError("a frame did not become whole")

    def _take(self, frame: bytes) -> None:
        self._note_identity(self._line.identity_of(frame))
        token = self._line.token_of(frame)
        if (waiting := self._asked.get(token)) and not waiting.done():
            waiting.set_result(frame)
            if self._line.log and self._line.log.newest_in(frame) is not None:
                return  # our own question, of no interest to anybody else
        if not self._is_said_already(frame, token):
            self._offer(frame, token)
        if self._failures or self._lost_s is not None:
            self._failures, self._lost_s = 0, None
            self._tell("online")

    def _is_said_already(self, frame: bytes, token: int) -> bool:
        """Whether it is the same answer to our greeting as on the last line, and to no command of anybody's."""
        if token not in self._greeting_tokens or self._requests.get(token):
            return False
        before, self._said[token] = self._said.get(token), frame
        return before == frame

    def _offer(self, frame: bytes, token: int) -> None:
        number = self._line.log.number_in(frame) if self._line.log else None
        stored = number is not None and self._records.get(token) == number
        headers = {self._line.log.stored: "1"} if stored and self._line.log else {}
        request_id = self._requests.get(token, "")
        if token in self._greeting_tokens:
            self._requests.pop(token, None)
        message = Message(self._line.family, frame, headers=headers, sender=self._vouched, request_id=request_id)
        own = number is not None and self._vouched == self._listed
        acknowledge = self._read.acknowledge(self.device.id, number, self._now_s()) if number and own else _nothing
        self._around.intake.offer(message, acknowledge)

    def _note_identity(self, identity: str | None) -> None:
        """What the device says of itself goes before what the list says: at this address there may be another."""
        if identity is None:
            return
        if identity != self._listed:
            log.error("another_device", device=self.device.id, address=self.device.address, is_=identity)
        self._vouched = identity
        self._named.set()

    async def _catch_up(self) -> None:
        """Read what the device recorded while we were away; it goes on pushing meanwhile."""
        own_log = self._line.log
        if own_log is None:
            return
        try:
            async with asyncio.timeout(_NAMED_WITHIN_S):
                await self._named.wait()
        except TimeoutError:
            pass  # it does not say who it is: the list is believed
        if self._vouched == self._listed:
            await self._read_missing(own_log)

    async def _read_missing(self, own_log: OwnLog) -> None:
        token = self._next_token(own_log)
        answer = await self._ask(own_log.newest(token), token)
        newest = own_log.newest_in(answer) if answer else None
        if newest is None:
            return
        numbers = self._read.of(self.device.id) or self._read.begin(self.device.id, newest)
        if newest < numbers.upto:
            log.warning("log_cleared", device=self.device.id, was=numbers.upto, now=newest)
            numbers.restart()
        if newest - numbers.upto > _MOST_RECORDS:
            log.warning("records_left_out", device=self.device.id, count=newest - _MOST_RECORDS - numbers.upto)
            numbers.skip_to(newest - _MOST_RECORDS)
        for number in numbers.missing(newest, _MOST_RECORDS, self._now_s()):
            if not await self._read_record(own_log, number):
                log.warning("record_not_there", device=self.device.id, number=number)
                numbers.durable(number)

    async def _read_record(self, own_log: OwnLog, number: int) -> bool:
        """Whether it came; then it was offered on its way."""
        for _ in range(2):
            token = self._next_token(own_log)
            self._records[token] = number
            answer = await self._ask(own_log.read(number, token), token)
            if answer is not None:
                return own_log.number_in(answer) == number
        return False

    async def _ask(self, request: bytes, token: int) -> bytes | None:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[token] = future
        try:
            if not self._write(request):
                return None
            async with asyncio.timeout(_ANSWER_S):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._asked[token]

    def _next_token(self, own_log: OwnLog) -> int:
        self._token = self._token + 1 if own_log.first_token <= self._token < _LAST_TOKEN else own_log.first_token
        return self._token

    def send(self, packet: Packet) -> bool:
        """Whether the line is there and takes it."""
        self._requests[self._line.token_of(packet.payload)] = packet.request_id
        while len(self._requests) > _MOST_REQUESTS:
            self._requests.popitem(last=False)
        return self._write(packet.payload)

    def _write(self, payload: bytes) -> bool:
        writer = self._writer
        if writer is None or writer.is_closing():
            return False
        if writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            return False
        writer.write(payload)
        return True

    def _now_s(self) -> float:
        return self._around.clock.monotonic_s()


def _nothing() -> None:
    pass
