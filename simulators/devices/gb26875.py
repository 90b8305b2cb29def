"""A fire-alarm transmitter of GB/T 26875.3-2011: it connects, reports, and repeats what nobody confirmed.

Written from the standard's frame; ``binary``: times as the standard has them, else BCD as many devices send.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

FIRE, FAULT, NORMAL = 0x0002, 0x0004, 0x0001
SEND, CONFIRM = 2, 3
_HEAD = 27


class Transmitter:
    """One transmitter; what it reported and was not confirmed is in ``unconfirmed``, by sequence."""

    def __init__(self, address: str, *, binary: bool = False) -> None:
        self.address, self._binary = bytes.fromhex(address)[::-1], binary
        self.unconfirmed: dict[int, bytes] = {}
        self.confirmed: list[int] = []
        self.received: list[bytes] = []
        self._sequence = 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, port: int, host: str = "127.0.0.1") -> None:
        self._reader, self._writer = await asyncio.open_connection(host, port)

    def close(self) -> None:
        if self._writer:
            self._writer.close()

    async def listen(self) -> None:
        """Take what is told, until the line ends."""
        if self._reader is None:
            return
        try:
            while True:
                head = await self._reader.readexactly(_HEAD)
                rest = await self._reader.readexactly(int.from_bytes(head[24:26], "little") + 3)
                self._take(head + rest)
        except (asyncio.IncompleteReadError, OSError):
            return

    def _take(self, frame: bytes) -> None:
        self.received.append(frame)
        sequence = int.from_bytes(frame[2:4], "little")
        if frame[26] == CONFIRM and sequence in self.unconfirmed:
            del self.unconfirmed[sequence]
            self.confirmed.append(sequence)

    def write(self, raw: bytes) -> None:
        if self._writer:
            self._writer.write(raw)

    def report(self, body: bytes, at: datetime, command: int = SEND) -> bytes:
        """Send a frame; ``at`` is the wall clock it shows."""
        self._sequence += 1
        head = self._sequence.to_bytes(2, "little") + b"\x01\x00" + self.time(at) + self.address + bytes(6)
        summed = head + len(body).to_bytes(2, "little") + bytes((command,)) + body
        frame = b"@@" + summed + bytes((sum(summed) & 0xFF,)) + b"##"
        self.unconfirmed[self._sequence] = frame
        self.write(frame)
        return frame

    def repeat(self) -> None:
        """What was not confirmed, once more."""
        for frame in self.unconfirmed.values():
            self.write(frame)

    def component(self, status: int, at: datetime, kind: int = 40, address: int = 5, text: str = "") -> bytes:
        """The body of a component's report."""
        words = text.encode("gb18030")[:31].ljust(31, b"\0")
        where = bytes((1, 1, kind)) + address.to_bytes(4, "little") + status.to_bytes(2, "little")
        return b"\x02\x01" + where + words + self.time(at)

    def time(self, at: datetime) -> bytes:
        parts = (at.second, at.minute, at.hour, at.day, at.month, at.year % 100)
        return bytes(parts) if self._binary else bytes.fromhex("".join(f"{part:02d}" for part in parts))
