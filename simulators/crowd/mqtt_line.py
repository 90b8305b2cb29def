"""A device's own MQTT connection on the loop: what it says at QoS 1 is awaited, orders reach whoever answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from simulators import mqtt_wire
from simulators.devices.message import DeviceMessage

_CONNECT_S, _ACKNOWLEDGE_S = 15.0, 30.0
_PUBLISH, _SUBACK = 0x30, 0x90
_SUBSCRIPTION_ID = mqtt_wire.MAX_PACKET_ID  # ours go below it

Answer = Callable[[str, bytes], Sequence[DeviceMessage]]


class BrokerLost(Exception):
    """The broker was not there, or did not acknowledge in time."""


class MqttLine(asyncio.Protocol):
    """One connection; ``answer`` is asked about what comes to the topic filter ``commands``."""

    def __init__(self, name: str, commands: str = "", answer: Answer | None = None) -> None:
        self._name, self._commands, self._answer = name, commands, answer
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._ready = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._next = 0
        self.answered = 0

    async def open(self, host: str, port: int) -> None:
        """Raises BrokerLost where nobody accepts, or the subscription is not confirmed."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.get_running_loop().create_connection(lambda: self, host, port)
                await self._ready.wait()
        except (OSError, TimeoutError) as error:
            raise BrokerLost(f"{self._name}: no broker at {host}:{port}") from error

    async def say(self, messages: Iterable[DeviceMessage], qos: int = 1) -> None:
        """At QoS 0 sent, at QoS 1 acknowledged. Raises BrokerLost."""
        waits = [self._publish(message) if qos else self._throw(message) for message in messages]
        try:
            async with asyncio.timeout(_ACKNOWLEDGE_S):
                for wait in waits:
                    await wait
        except TimeoutError as error:
            raise BrokerLost(f"{self._name}: not acknowledged within {_ACKNOWLEDGE_S:g} s") from error

    def close(self) -> None:
        if self._transport is not None:
            self._transport.write(mqtt_wire.DISCONNECT)
            self._transport.close()

    def _publish(self, message: DeviceMessage) -> asyncio.Future[None]:
        self._next = self._next % (_SUBSCRIPTION_ID - 1) + 1
        wait = self._waiting[self._next] = asyncio.get_running_loop().create_future()
        head = bytearray(mqtt_wire.publish_head(message.topic, len(message.payload)))
        head[0] |= int(message.retained)
        self._write(bytes(head) + self._next.to_bytes(2) + message.payload)
        return wait

    def _throw(self, message: DeviceMessage) -> asyncio.Future[None]:
        name = message.topic.encode()
        body = len(name).to_bytes(2) + name + message.payload
        self._write(bytes((_PUBLISH | int(message.retained),)) + mqtt_wire.remaining_length(len(body)) + body)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def _write(self, packet: bytes) -> None:
        if self._transport is None:
            raise BrokerLost(f"{self._name}: the broker closed the connection")
        self._transport.write(packet)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(mqtt_wire.connect(self._name))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for wait in self._waiting.values():
            if not wait.done():
                wait.set_exception(BrokerLost(f"{self._name}: the broker closed the connection"))
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        start = 0
        while (packet := mqtt_wire.take_packet(self._buffer, start)) is not None:
            first, begin, start = packet
            self._take(first, bytes(self._buffer[begin:start]))
        del self._buffer[:start]

    def _take(self, first: int, body: bytes) -> None:
        match first & 0xF0:
            case mqtt_wire.CONNACK if body[1] == 0:
                self._accepted()
            case code if code == _SUBACK:
                self._ready.set()
            case mqtt_wire.PUBACK:
                wait = self._waiting.pop(int.from_bytes(body[:2]), None)
                if wait is not None and not wait.done():
                    wait.set_result(None)
            case code if code == _PUBLISH:
                self._heard(first, body)
            case _:
                pass

    def _accepted(self) -> None:
        if not self._commands:
            self._ready.set()
            return
        name = self._commands.encode()
        body = _SUBSCRIPTION_ID.to_bytes(2) + len(name).to_bytes(2) + name + b"\x01"
        self._write(b"\x82" + mqtt_wire.remaining_length(len(body)) + body)

    def _heard(self, first: int, body: bytes) -> None:
        end = 2 + int.from_bytes(body[:2])
        topic, rest = body[2:end].decode(), body[end:]
        if first & 0x06:
            self._write(bytes((mqtt_wire.PUBACK, 2)) + rest[:2])
            rest = rest[2:]
        if first & 0x01 or self._answer is None:  # what a broker had kept is no order
            return
        if answers := self._answer(topic, rest):
            self.answered += 1
            task = asyncio.get_running_loop().create_task(self.say(answers))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
