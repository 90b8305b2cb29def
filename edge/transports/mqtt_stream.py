"""The socket under paho, in large pieces both ways, with a short way for what comes in thousands: PUBLISH and PUBACK.

paho alone makes four system calls and a dozen objects a message. It keeps what it is good at: connecting, TLS,
subscriptions, keep-alive, QoS 2, publishing. Packets are those of MQTT 3.1.1, sections 2 and 3.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

import msgspec
import paho.mqtt.client as paho

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

_READ_BYTES = 64 * 1024
_UNSENT_BYTES = 256 * 1024
_PUBLISH, _PUBACK = 0x30, b"\x40\x02"
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Published(msgspec.Struct, frozen=True, gc=False):
    """A PUBLISH as it came. ``mid`` is its packet id, 0 at QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    retain: bool


class MqttStream:
    """A non-blocking socket as paho uses it. What is sent waits for ``flush``; whoever comes next learns a failure."""

    def __init__(self, sock: SocketLike) -> None:
        self._socket = sock
        self._received = bytearray()
        self._start = self._body = self._end = 0  # of the packet in front; _end is 0 until it is whole
        self._unsent = bytearray()
        self._ended = False
        self._failure: OSError | None = None

    def packet_waits(self) -> bool:
        """Whether a whole packet is here, or the end of the connection: reads until then, or until nothing is left."""
        while not (self._find_packet() or self._ended or self._failure):
            if not self._fill():
                return False
        return True

    def take_publish(self) -> Published | None:
        """The PUBLISH in front, at QoS 0 or 1; None where what is in front is for paho."""
        first = self._received[self._start] if self._end else 0
        qos = first >> 1 & 3
        if first & 0xF0 != _PUBLISH or qos > 1:
            return None
        topic = self._body + 2
        payload = topic + int.from_bytes(self._received[self._body : topic], "big")
        content = payload + 2 * qos
        if content > self._end:
            return None  # malformed: paho ends the connection
        mid = int.from_bytes(self._received[payload:content], "big")
        received = self._received
        published = Published(
            bytes(received[topic:payload]), bytes(received[content : self._end]), mid, qos, bool(first & 1)
        )
        self._start, self._end = self._end, 0
        return published

    def acknowledge(self, mid: int) -> None:
        """PUBACK. Raises BlockingIOError while too much waits."""
        self.send(_PUBACK + mid.to_bytes(2, "big"))

    def _find_packet(self) -> bool:
        """Whether the packet in front is whole; where it begins and ends is noted."""
        if self._end:
            return True
        received, size = self._received, 0
        for index in range(1, min(5, len(received) - self._start)):
            digit = received[self._start + index]
            size |= (digit & 0x7F) << 7 * (index - 1)
            if digit < 0x80:
                self._body = self._start + index + 1
                self._end = self._body + size if self._body + size <= len(received) else 0
                return self._end > 0
        return len(received) - self._start >= 5  # a length without an end: paho says so

    def _fill(self) -> bool:
        """Read once; whether anything came, the end or a failure included."""
        try:
            content = self._socket.recv(_READ_BYTES)
        except _LATER:
            return False
        except OSError as error:
            self._failure = error
            return True
        del self._received[: self._start]
        self._received += content
        self._start, self._ended = 0, not content
        return True

    def recv(self, buffer_size: int) -> bytes:
        """For paho: at most ``buffer_size`` bytes, none at the end. Raises BlockingIOError where nothing is here."""
        while self._start == len(self._received) and not self._ended:
            self._raise_failure()
            if not self._fill():
                raise BlockingIOError
        taken = bytes(self._received[self._start : self._start + buffer_size])
        self._start, self._end = self._start + len(taken), 0
        return taken

    def send(self, buffer: bytes | bytearray) -> int:
        """Take all of it, to be flushed. Raises BlockingIOError while too much waits."""
        self._raise_failure()
        if len(self._unsent) >= _UNSENT_BYTES:
            raise BlockingIOError
        self._unsent += buffer
        return len(buffer)

    def flush(self) -> bool:
        """Send what waits, as far as it goes; whether nothing waits any more."""
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(bytes(self._unsent))]
        except _LATER:
            return False
        except OSError as error:
            self._failure = error
            self._unsent.clear()
        return True

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """A last try to send what waits, as the farewell to the broker, then the end."""
        with contextlib.suppress(OSError):
            self.flush()
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        self._socket.setblocking(flag)


class StreamClient(paho.Client):
    """paho over an MqttStream. Whoever drives it flushes after ``loop_write``."""

    def _create_socket(self) -> SocketLike:
        return MqttStream(super()._create_socket())
