"""The few MQTT 3.1.1 packets that probes and the load publisher write themselves (OASIS, sections 2 and 3)."""

from __future__ import annotations

import socket

CONNACK = 0x20
PUBLISH_QOS1 = 0x32
PUBLISH_QOS1_DUP = 0x3A
PUBACK = 0x40
DISCONNECT = b"\xe0\x00"
MAX_PACKET_ID = 0xFFFF
_MAX_REMAINING_BYTES = 268_435_455
_CLEAN_SESSION = 0x02


def connect(client_id: str, keepalive_s: int = 0, clean: bool = True) -> bytes:
    """A CONNECT without will and credentials (3.1)."""
    flags = _CLEAN_SESSION if clean else 0
    body = _text("MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2, "big") + _text(client_id)
    return b"\x10" + remaining_length(len(body)) + body


def publish_head(topic: str, payload_bytes: int) -> bytes:
    """A QoS 1 PUBLISH up to its packet id (3.3); the id, two bytes big-endian, and the payload follow."""
    name = _text(topic)
    return bytes([PUBLISH_QOS1]) + remaining_length(len(name) + 2 + payload_bytes) + name


def remaining_length(size: int) -> bytes:
    """The variable length encoding of 2.2.3. Raises ValueError above 256 MiB."""
    if not 0 <= size <= _MAX_REMAINING_BYTES:
        raise ValueError(f"a packet of {size} bytes does not fit in MQTT; at most {_MAX_REMAINING_BYTES}")
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def take_packet(buffer: bytes | bytearray, start: int) -> tuple[int, int, int] | None:
    """The packet at ``start``: (first byte, start of its body, end), or None where it is not whole yet."""
    size = shift = 0
    for index in range(start + 1, min(start + 5, len(buffer))):
        size |= (buffer[index] & 0x7F) << shift
        shift += 7
        if not buffer[index] & 0x80:
            end = index + 1 + size
            return (buffer[start], index + 1, end) if end <= len(buffer) else None
    if len(buffer) - start >= 5:
        raise ValueError("a packet whose length does not end after four bytes")
    return None


def answers_connect(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether a broker there answers a CONNECT with a CONNACK that accepts."""
    try:
        with socket.create_connection((host, port), timeout_s) as probe:
            probe.settimeout(timeout_s)
            probe.sendall(connect("gatehouse-probe"))
            answer = probe.recv(4)
            probe.sendall(DISCONNECT)
    except OSError:
        return False
    return len(answer) == 4 and answer[0] == CONNACK and answer[3] == 0


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded
