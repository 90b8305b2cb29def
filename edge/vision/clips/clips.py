"""The clips of one stream: each takes what was before its event, waits for what comes after, and is done."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from edge.vision.clips.mp4 import NoClip, mp4_of
from edge.vision.clips.ring import Piece, Ring

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_MOST_AT_ONCE = 4


class Clip(msgspec.Struct, frozen=True):
    """A finished clip, of the event that asked for it."""

    of: str
    fields: dict[str, Any]
    at: datetime
    body: bytes


class _Asked(msgspec.Struct):
    of: str
    fields: dict[str, Any]
    until: datetime
    pieces: list[Piece]
    bytes: int


class Clips:
    """Used by the thread that reads the stream."""

    def __init__(self, around_s: float, size_bytes: int, counts: Counter[str]) -> None:
        self._around, self._most_bytes, self._counts = timedelta(seconds=around_s), size_bytes, counts
        self._ring = Ring(around_s, size_bytes // 2)
        self._asked: list[_Asked] = []

    @property
    def held_bytes(self) -> int:
        return self._ring.bytes + sum(asked.bytes for asked in self._asked)

    def hear(self, packet: Packet[Any], at: datetime, stream: VideoStream) -> list[Clip]:
        """A packet of the stream; the clips that it completes."""
        piece = Piece(at, bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
        self._ring.add(piece)
        for asked in self._asked:
            asked.pieces.append(piece)
            asked.bytes += len(piece.body)
        done = [asked for asked in self._asked if at >= asked.until or asked.bytes > self._most_bytes]
        return self._finished(stream, done) if done else []

    def ask(self, of: str, fields: dict[str, Any], at: datetime) -> None:
        """A clip around a moment, which lies in what the ring holds or soon will."""
        if len(self._asked) >= _MOST_AT_ONCE:
            self._counts["clips_beyond_bound"] += 1
            return
        pieces = self._ring.since(at - self._around)
        size = sum(len(piece.body) for piece in pieces)
        self._asked.append(_Asked(of, fields, at + self._around, pieces, size))

    def end(self, stream: VideoStream) -> list[Clip]:
        """The stream ends, or becomes another: what was asked for is as long as there is."""
        self._ring.clear()
        return self._finished(stream, self._asked)

    def _finished(self, stream: VideoStream, done: list[_Asked]) -> list[Clip]:
        self._asked = [asked for asked in self._asked if asked not in done]
        made = [self._made(asked, stream) for asked in done]
        return [clip for clip in made if clip is not None]

    def _made(self, asked: _Asked, stream: VideoStream) -> Clip | None:
        try:
            body = mp4_of(stream, asked.pieces)
        except NoClip:
            self._counts["clips_not_made"] += 1
            return None
        self._counts["clips"] += 1
        return Clip(asked.of, asked.fields, asked.until, body)
