"""The packets of the last seconds, as they came: bounded in time and in bytes, beginning at a keyframe."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One encoded packet."""

    at: datetime
    body: bytes
    stamp: int | None  # when it is shown, in the stream's own units
    order: int | None  # when it is decoded
    is_key: bool


class Ring:
    """Keeps at least ``before_s``, back to the keyframe before, where the bytes allow it."""

    def __init__(self, before_s: float, size_bytes: int) -> None:
        self._before, self._most_bytes = timedelta(seconds=before_s), size_bytes
        self._pieces: deque[Piece] = deque()
        self.bytes = 0

    def add(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self.bytes += len(piece.body)
        while self._pieces and self.bytes > self._most_bytes:
            self._drop_first()
        while (second := self._second_key()) is not None and self._pieces[second].at <= piece.at - self._before:
            for _ in range(second):
                self._drop_first()

    def since(self, at: datetime) -> list[Piece]:
        """From the last keyframe before a moment on; from the first there is where none is so old."""
        keys = [number for number, piece in enumerate(self._pieces) if piece.is_key]
        if not keys:
            return []
        first = max((number for number in keys if self._pieces[number].at <= at), default=keys[0])
        return list(self._pieces)[first:]

    def clear(self) -> None:
        """What follows is another stream."""
        self._pieces.clear()
        self.bytes = 0

    def _second_key(self) -> int | None:
        """Where the group after the first begins."""
        rest: Iterable[tuple[int, Piece]] = enumerate(self._pieces)
        return next((number for number, piece in rest if number > 0 and piece.is_key), None)

    def _drop_first(self) -> None:
        self.bytes -= len(self._pieces.popleft().body)
