"""LED and voice boards that hang on a camera's RS-485 line: their frames, by name of the board's protocol."""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import MappingProxyType

MAX_DATA_BYTES = 255

_HEADER = struct.Struct(">BBHBB")  # DA VR PN CMD DL
_CHECKSUM = struct.Struct("<H")
_ADDRESS, _VERSION, _PACKET = 0x00, 0x64, 0xFFFF
_PLAY_VOICE, _NOW = 0x30, b"\x01"


class BadText(Exception):
    """A text the board cannot speak. Says why."""


def _voice_0x64(text: str) -> bytes:
    """Common 0x64 protocol: DA VR PN(2) CMD DL DATA CRC16-Modbus(LE); the text is GBK, from the board's own words."""
    try:
        data = _NOW + text.encode("gbk")
    except UnicodeEncodeError as error:
        raise BadText(f"the board speaks GBK only: {error.object[error.start : error.end]!r} is not in it") from error
    if not text or len(data) > MAX_DATA_BYTES:
        raise BadText(f"{len(data) - 1} bytes of text; 1 to {MAX_DATA_BYTES - 1} fit in a frame")
    frame = _HEADER.pack(_ADDRESS, _VERSION, _PACKET, _PLAY_VOICE, len(data)) + data
    return frame + _CHECKSUM.pack(crc16_modbus(frame))


def crc16_modbus(body: bytes) -> int:
    """CRC-16/MODBUS: polynomial 0x8005 reflected, initial value 0xFFFF, no final XOR."""
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


VOICE: MappingProxyType[str, Callable[[str], bytes]] = MappingProxyType({"0x64": _voice_0x64})
