"""The bytes of a TCP line, cut into frames as its driver says; rubbish between them comes out as a frame of its own."""

from __future__ import annotations

import asyncio

from edge.devices.tcp_line import Line
from edge.intake.intake import Intake

_LOOK_S = 0.05
_RUBBISH_KEPT = 4_096


class Frames:
    """What came and was not cut yet: at most one frame and what the socket gave with it."""

    def __init__(self, line: Line) -> None:
        self._line, self._buffer = line, bytearray()

    @property
    def has_begun(self) -> bool:
        """Whether the beginning of something waits for its end."""
        return bool(self._buffer)

    def feed(self, received: bytes) -> list[bytes]:
        """The frames, and the rubbish, that are whole now."""
        self._buffer += received
        found: list[bytes] = []
        while self._buffer and (cut := self._line.cut(self._buffer)) is not None:
            del self._buffer[: cut.used]
            if cut.frame:
                found.append(cut.frame)
        if len(self._buffer) > self._line.max_frame_bytes:
            found.append(bytes(self._buffer[:_RUBBISH_KEPT]))
            self._buffer.clear()
        return found


async def room(intake: Intake) -> None:
    """Until the log takes more: meanwhile the socket is not read, and its sender waits."""
    while intake.full:  # noqa: ASYNC110 - it rings no bell for those who are not the broker
        await asyncio.sleep(_LOOK_S)
