"""Frames of Vzenith cameras' TCP port 8131: ``VZ``, type, sequence, length, then JSON, a NUL, and pictures.

Source: the vendor's 车牌识别一体机TCP通讯协议说明手册 1.0.3 (vzenith/vzenith_tcp_protocol).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._charsets import chinese
from edge.devices.driver import BadMessage
from edge.devices.tcp_line import Cut

START = b"VZ"
HEAD_BYTES = 8
JSON, HEARTBEAT, BINARY = 0, 1, 2
MAX_FRAME_BYTES = 4 * 1024 * 1024  # the document says one MiB; pictures of later cameras are larger
_MOST = MappingProxyType({JSON: MAX_FRAME_BYTES, HEARTBEAT: 1_024, BINARY: MAX_FRAME_BYTES})
_PADDING = b"\0 \t\r\n"
_RUBBISH_KEPT = 4_096


class Frame(msgspec.Struct, frozen=True):
    """``sequence`` of an answer is that of its request; of a push it is 0, or whatever a clone counts."""

    type: int
    sequence: int
    body: bytes


def cut(buffer: bytes | bytearray) -> Cut | None:
    """What stands first in what a camera sent."""
    if not START.startswith(bytes(buffer[:2])):
        return _rubbish(buffer)
    if len(buffer) < HEAD_BYTES:
        return None
    end = HEAD_BYTES + int.from_bytes(buffer[4:HEAD_BYTES])
    if not _may_be(buffer[2], buffer[HEAD_BYTES : HEAD_BYTES + 1]) or end > _MOST.get(buffer[2], 0):
        return _rubbish(buffer)
    return Cut(end, bytes(buffer[:end])) if len(buffer) >= end else None


def _may_be(kind: int, first: bytes | bytearray) -> bool:
    """A text begins with a brace, or with the padding of some firmware."""
    return kind != JSON or not first or first in (b"{", b"\0", b" ", b"\t", b"\r", b"\n")


def _rubbish(buffer: bytes | bytearray) -> Cut:
    """Up to where the next frame might begin; of a long piece the beginning is enough for a person to see."""
    found = buffer.find(START, 1)
    end = found if found > 0 else len(buffer) - (buffer[-1:] == START[:1] and len(buffer) > 1)
    return Cut(end, bytes(buffer[: min(end, _RUBBISH_KEPT)]))


def opened(payload: bytes) -> Frame:
    """Raises BadMessage for what is not exactly one frame."""
    size = int.from_bytes(payload[4:HEAD_BYTES])
    whole = len(payload) >= HEAD_BYTES and payload[:2] == START and HEAD_BYTES + size == len(payload)
    if not whole or len(payload) > _MOST.get(payload[2], 0):
        raise BadMessage(f"{len(payload)} bytes that are no frame of a Vzenith camera: {payload[:HEAD_BYTES].hex()}")
    return Frame(payload[2], payload[3], payload[HEAD_BYTES:])


def sequence_of(payload: bytes) -> int:
    """0 for what is no frame."""
    return payload[3] if len(payload) >= HEAD_BYTES and payload[:2] == START else 0


def frame(sequence: int, body: bytes, kind: int = JSON) -> bytes:
    return START + bytes((kind, sequence)) + len(body).to_bytes(4) + body


def message(sequence: int, body: dict[str, Any]) -> bytes:
    """A command; texts are GB2312 as the camera's own."""
    text = msgspec.json.encode(body).decode()
    return frame(sequence, text.encode("gb18030"))


def text_and_rest(body: bytes) -> tuple[bytes, bytes]:
    """The JSON as UTF-8, and what stands behind its NUL. Some firmware begins with a NUL. Raises BadMessage."""
    said, _, rest = body.lstrip(_PADDING).partition(b"\0")
    try:
        return chinese(said).encode(), rest
    except UnicodeDecodeError as error:
        raise BadMessage(f"a text that is neither GB2312 nor UTF-8: {error}") from error
