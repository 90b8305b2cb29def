"""Frames of GB/T 26875.3-2011: ``@@``, head, application data, a sum, ``##``; numbers little-endian.

The standard writes times as plain binary bytes, many transmitters as BCD; both are read, whichever makes sense.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from edge.devices.driver import BadMessage
from edge.devices.tcp_line import Cut

START, END = b"@@", b"##"
HEAD_BYTES, TAIL_BYTES = 27, 3
MAX_DATA_BYTES = 1_024
MAX_FRAME_BYTES = HEAD_BYTES + MAX_DATA_BYTES + TAIL_BYTES
CONTROL, SEND, CONFIRM, REQUEST, RESPONSE, DENY = 1, 2, 3, 4, 5, 6
TIME_BYTES = 6
_RUBBISH_KEPT = 4_096
_NEXT = re.compile(rb"@@+")  # of a row of them the last two are most likely to be a beginning


class Frame(msgspec.Struct, frozen=True):
    """``source`` and ``target`` are as sent, the lowest byte first."""

    sequence: int
    version: bytes
    time: bytes
    source: bytes
    target: bytes
    command: int
    body: bytes

    @property
    def identity(self) -> str:
        """The transmitter's address as it is written on it."""
        return address_text(self.source)


def cut(buffer: bytes | bytearray) -> Cut | None:
    """What stands first in what a transmitter sent; its sum is looked at by ``opened``."""
    if not START.startswith(bytes(buffer[:2])):
        return _rubbish(buffer)
    if len(buffer) < HEAD_BYTES:
        return None
    end = _end_of(buffer, 0)
    if end > MAX_FRAME_BYTES:
        return _rubbish(buffer)
    if len(buffer) < end:
        return _whole_within(buffer)
    return Cut(end, bytes(buffer[:end])) if buffer[end - 2 : end] == END else _rubbish(buffer)


def _end_of(buffer: bytes | bytearray, begin: int) -> int:
    return begin + HEAD_BYTES + int.from_bytes(buffer[begin + 24 : begin + 26], "little") + TAIL_BYTES


def _whole_within(buffer: bytes | bytearray) -> Cut | None:
    """None, to wait for the rest; but where a whole frame is in it already, its beginning was none."""
    begin = buffer.find(START, 1)
    while 0 < begin <= len(buffer) - HEAD_BYTES - TAIL_BYTES:
        if _end_of(buffer, begin) <= len(buffer) and _is_frame(bytes(buffer[begin : _end_of(buffer, begin)])):
            return Cut(begin, bytes(buffer[:begin]))
        begin = buffer.find(START, begin + 1)
    return None


def _is_frame(payload: bytes) -> bool:
    return payload[-2:] == END and _sum(payload[2:-TAIL_BYTES]) == payload[-TAIL_BYTES]


def _rubbish(buffer: bytes | bytearray) -> Cut:
    """Up to where the next frame might begin; of a long piece the beginning is enough for a person to see."""
    found = _NEXT.search(buffer, 1)
    end = found.end() - len(START) if found else len(buffer) - (buffer[-1:] == START[:1] and len(buffer) > 1)
    return Cut(end, bytes(buffer[: min(end, _RUBBISH_KEPT)]))


def opened(payload: bytes) -> Frame:
    """Raises BadMessage for what is not exactly one frame whose sum is right."""
    if len(payload) < HEAD_BYTES + TAIL_BYTES or payload[:2] != START or payload[-2:] != END:
        raise BadMessage(f"{len(payload)} bytes that are no frame of GB/T 26875.3: {payload[:8].hex()}")
    size = int.from_bytes(payload[24:26], "little")
    if HEAD_BYTES + size + TAIL_BYTES != len(payload):
        raise BadMessage(f"a frame of {len(payload)} bytes says that it holds {size}")
    if _sum(payload[2:-TAIL_BYTES]) != payload[-TAIL_BYTES]:
        raise BadMessage(f"a sum of 0x{payload[-TAIL_BYTES]:02x} that should be 0x{_sum(payload[2:-TAIL_BYTES]):02x}")
    return Frame(
        sequence=int.from_bytes(payload[2:4], "little"),
        version=payload[4:6],
        time=payload[6:12],
        source=payload[12:18],
        target=payload[18:24],
        command=payload[26],
        body=payload[HEAD_BYTES:-TAIL_BYTES],
    )


def sequence_of(payload: bytes) -> int:
    """0 for what is no frame."""
    return int.from_bytes(payload[2:4], "little") if payload[:2] == START else 0


def frame(told: Frame) -> bytes:
    head = told.sequence.to_bytes(2, "little") + told.version + told.time + told.source + told.target
    summed = head + len(told.body).to_bytes(2, "little") + bytes((told.command,)) + told.body
    return START + summed + bytes((_sum(summed),)) + END


def _sum(body: bytes) -> int:
    return sum(body) & 0xFF


def address_text(address: bytes) -> str:
    return address[::-1].hex()


def address_bytes(text: str) -> bytes:
    """Raises ValueError for what is no address."""
    address = bytes.fromhex(text)[::-1]
    if len(address) != 6:
        raise ValueError(f"{text!r} is no address of twelve digits")
    return address


def bcd_time(local: datetime) -> bytes:
    """Second first, year of the century last."""
    return bytes.fromhex(f"{local:%S%M%H%d%m%y}")


class Clock(msgspec.Struct, frozen=True):
    """How one frame writes its times."""

    bcd: bool
    zone: ZoneInfo

    def read(self, label: bytes) -> datetime | None:
        """Aware, in the site's zone; None for what is no time."""
        try:
            numbers = [int(label[at : at + 1].hex()) if self.bcd else label[at] for at in range(TIME_BYTES)]
            second, minute, hour, day, month, year = numbers
            return datetime(2000 + year, month, day, hour, minute, second, tzinfo=self.zone)
        except (ValueError, IndexError):
            return None


def clock_of(labels: Sequence[bytes], zone: ZoneInfo, received_at: datetime | None) -> Clock:
    """The way of writing in which the labels are times; where both are, the one nearer to the receipt, else BCD."""
    ways = Clock(True, zone), Clock(False, zone)
    return min(ways, key=lambda way: _strangeness(way, [label for label in labels if any(label)], received_at))


def _strangeness(way: Clock, labels: Sequence[bytes], received_at: datetime | None) -> tuple[int, timedelta]:
    times = [way.read(label) for label in labels]
    wrong = sum(time is None for time in times)
    first = next((time for time in times if time is not None), None)
    if received_at is None or first is None:
        return wrong, timedelta()
    return wrong, abs(first.astimezone(UTC) - received_at)
