"""LED and voice boards that hang on a camera's RS-485 line: their frames, by name of the board's protocol.

A board is a plug-in: a ``Board`` in ``BOARDS``. The common 0x64 protocol is DA VR PN(2) CMD DL DATA CRC16-Modbus(LE),
texts in GBK, at most 255 bytes of data. The frame of 0x30 is checked against a published vector; the layouts of 0x6E,
0x62 and 0x05 are those of public implementations and were not tried on a board (docs/lanes.md).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

MAX_DATA_BYTES = 255
MAX_LINES = 4
MAX_LINE_BYTES = 32

_HEADER = struct.Struct(">BBHBB")  # DA VR PN CMD DL
_CHECKSUM = struct.Struct("<H")
_ADDRESS, _VERSION, _PACKET = 0x00, 0x64, 0xFFFF
_SET_TIME, _PLAY_VOICE, _ONE_LINE, _LINES_AND_VOICE = 0x05, 0x30, 0x62, 0x6E
_NOW = b"\x01"
_TEMPORARY, _AT_ONCE, _STAYS_S, _ROUNDS = 0x00, 0x00, 8, 1
_RED = bytes((0xFF, 0x00, 0x00, 0x00))
_BLACK = bytes(4)
_VOICE_FOLLOWS, _NEXT_LINE, _END = 0x0A, 0x0D, 0x00
_FONT_16 = 0x03


class BadText(Exception):
    """A text the board cannot show or speak. Says why."""


class Board(msgspec.Struct, frozen=True):
    """What a board's protocol can say: a text spoken, lines with a text spoken, one line, its clock set."""

    voice: Callable[[str], bytes]
    lines: Callable[[Sequence[str], str], bytes]
    line: Callable[[int, str], bytes]
    clock: Callable[[datetime], bytes]


def cut(text: str, most_bytes: int) -> bytes:
    """The text in GBK, cut where a character ends: half a character shows as rubbish. Raises BadText."""
    try:
        whole = text.encode("gbk")
    except UnicodeEncodeError as error:
        raise BadText(f"the board speaks GBK only: {error.object[error.start : error.end]!r} is not in it") from error
    end = size = 0
    for end, character in enumerate(text):
        size += len(character.encode("gbk"))
        if size > most_bytes:
            return text[:end].encode("gbk")
    return whole


def _voice_0x64(text: str) -> bytes:
    """0x30: a text from the board's own words. Too long is refused: half a sentence misleads."""
    data = _NOW + cut(text, len(text) * 2)
    if not text or len(data) > MAX_DATA_BYTES:
        raise BadText(f"{len(data) - 1} bytes of text; 1 to {MAX_DATA_BYTES - 1} fit in a frame")
    return _frame(_PLAY_VOICE, data)


def _lines_0x64(lines: Sequence[str], voice: str) -> bytes:
    """0x6E: SF count, each line LID DM DS DT DR TC(4) TL TEXT and 0D or 00 behind the last; 0A VTL VOICE 00."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise BadText(f"{len(lines)} lines; 1 to {MAX_LINES} fit on the board")
    data = bytes((_TEMPORARY, len(lines)))
    for number, line in enumerate(lines):
        text = cut(line, MAX_LINE_BYTES)
        last = number == len(lines) - 1
        data += bytes((number, _AT_ONCE, 1, _STAYS_S, _ROUNDS)) + _RED + bytes((len(text),)) + text
        data += bytes((_END if last else _NEXT_LINE,))
    spoken = cut(voice, MAX_DATA_BYTES - len(data) - 3)
    return _frame(_LINES_AND_VOICE, data + bytes((_VOICE_FOLLOWS, len(spoken))) + spoken + bytes((_END,)))


def _line_0x64(number: int, text: str) -> bytes:
    """0x62: TWID ETM ETS DM DT EXM EXS FINDEX DRS TC(4) BC(4) TL(2, LE) TEXT."""
    if not 0 <= number < MAX_LINES:
        raise BadText(f"line {number}; the board has lines 0 to {MAX_LINES - 1}")
    shown = cut(text, MAX_DATA_BYTES - 19)
    how = bytes((number, _AT_ONCE, 1, 0, _STAYS_S, 0, 1, _FONT_16, _ROUNDS))
    return _frame(_ONE_LINE, how + _RED + _BLACK + _CHECKSUM.pack(len(shown)) + shown)


def _clock_0x64(local: datetime) -> bytes:
    """0x05: YEAR(2, LE) MONTH DAY WEEK HOUR MINUTE SECOND, the wall clock of the site."""
    rest = (local.month, local.day, local.isoweekday() % 7, local.hour, local.minute, local.second)
    return _frame(_SET_TIME, _CHECKSUM.pack(local.year) + bytes(rest))


def _frame(command: int, data: bytes) -> bytes:
    if len(data) > MAX_DATA_BYTES:
        raise BadText(f"{len(data)} bytes of data; {MAX_DATA_BYTES} fit in a frame")
    frame = _HEADER.pack(_ADDRESS, _VERSION, _PACKET, command, len(data)) + data
    return frame + _CHECKSUM.pack(crc16_modbus(frame))


def crc16_modbus(body: bytes) -> int:
    """CRC-16/MODBUS: polynomial 0x8005 reflected, initial value 0xFFFF, no final XOR."""
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


BOARDS: MappingProxyType[str, Board] = MappingProxyType(
    {"0x64": Board(_voice_0x64, _lines_0x64, _line_0x64, _clock_0x64)}
)
VOICE: MappingProxyType[str, Callable[[str], bytes]] = MappingProxyType(
    {name: board.voice for name, board in BOARDS.items()}
)
