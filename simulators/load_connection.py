"""One connection of the load publisher: a window of QoS 1 messages, acknowledged by packet id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulators import mqtt_wire

MAX_WINDOW = 0x8000  # half the packet ids: an id is never taken again while its message waits
_CHUNK = 256  # packets joined into one write


@dataclass(slots=True)
class Acknowledged:
    """What the broker acknowledged so far. ``keys`` are indices into the messages, in order of their PUBACKs."""

    keys: list[int] = field(default_factory=list[int])
    at_s: list[float] = field(default_factory=list[float])  # of each key, on the monotonic clock
    sent_again: int = 0
    reconnects: int = 0
    started_s: float = 0.0
    ended_s: float = 0.0

    @property
    def seconds(self) -> float:
        return self.ended_s - self.started_s

    @property
    def rate(self) -> float:
        """Acknowledged messages per second."""
        return len(self.keys) / self.seconds if self.seconds > 0 else 0.0


class Line(asyncio.Protocol):
    """One connection's share of the messages: ``first`` is the oldest unacknowledged, ``next`` the next to send."""

    def __init__(
        self, client_id: str, messages: Sequence[tuple[str, bytes]], keys: list[int], window: int, result: Acknowledged
    ) -> None:
        self.keys = keys
        self.packets = [_packet(*messages[key], index) for index, key in enumerate(keys)]
        self.first = self.next = self.released = 0
        self.lost = asyncio.Event()
        self.done = asyncio.Event()
        self.refused = 0  # the code of a CONNACK that did not accept
        self._hello = mqtt_wire.connect(client_id)
        self._window = window
        self._result = result
        self._seen = bytearray(len(keys))
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._open = False  # accepted by the broker, and the socket takes more
        if not keys:
            self.done.set()

    def release(self, count: int) -> None:
        """Lets the first ``count`` messages go."""
        if count > self.released:
            self.released = count
            self._pump()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer.clear()
        transport.write(self._hello)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        self._transport = None
        self.lost.set()

    def pause_writing(self) -> None:
        self._open = False

    def resume_writing(self) -> None:
        self._open = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        if not self._buffer and self._take_pubacks(data):
            return
        self._buffer += data
        self._take_packets()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.write(mqtt_wire.DISCONNECT)
            self._transport.close()

    def _take_pubacks(self, data: bytes) -> bool:
        """The common case at speed: nothing but whole PUBACKs. False where there is anything else."""
        count, rest = divmod(len(data), 4)
        if rest or data[0::4] != b"\x40" * count or data[1::4] != b"\x02" * count:
            return False
        self._acknowledge([high << 8 | low for high, low in zip(data[2::4], data[3::4], strict=True)])
        return True

    def _take_packets(self) -> None:
        start = 0
        acknowledged: list[int] = []
        while (packet := mqtt_wire.take_packet(self._buffer, start)) is not None:
            kind, body, start = packet
            if kind == mqtt_wire.CONNACK:
                self._accepted(self._buffer[body + 1])
            elif kind == mqtt_wire.PUBACK:
                acknowledged.append(int.from_bytes(self._buffer[body : body + 2], "big"))
        del self._buffer[:start]
        self._acknowledge(acknowledged)

    def _accepted(self, code: int) -> None:
        if code != 0:
            self.refused = code
            return
        self._open = True
        self._send_again()
        self._pump()

    def _send_again(self) -> None:
        waiting = [index for index in range(self.first, self.next) if not self._seen[index]]
        self._result.sent_again += len(waiting)
        if waiting and self._transport is not None:
            duplicate = bytes([mqtt_wire.PUBLISH_QOS1_DUP])
            self._transport.write(b"".join(duplicate + self.packets[index][1:] for index in waiting))

    def _pump(self) -> None:
        while self._open and self._transport is not None:
            end = min(self.next + _CHUNK, self.first + self._window, self.released)
            if end <= self.next:
                return
            chunk = self.packets[self.next : end]
            self.next = end
            self._transport.write(b"".join(chunk))

    def _acknowledge(self, packet_ids: Sequence[int]) -> None:
        now = time.monotonic()
        seen, keys = self._seen, self._result.keys
        for packet_id in packet_ids:
            index = self._index_of(packet_id)
            if index < self.next and not seen[index]:
                seen[index] = 1
                keys.append(self.keys[index])
                self._result.at_s.append(now)
        while self.first < self.next and seen[self.first]:
            self.first += 1
        if self.first == len(self.keys):
            self.done.set()
        self._pump()

    def _index_of(self, packet_id: int) -> int:
        """The message in or after the window that has this packet id."""
        return self.first + (packet_id - 1 - self.first) % mqtt_wire.MAX_PACKET_ID


def _packet(topic: str, payload: bytes, index: int) -> bytes:
    packet_id = index % mqtt_wire.MAX_PACKET_ID + 1
    return mqtt_wire.publish_head(topic, len(payload)) + packet_id.to_bytes(2, "big") + payload
