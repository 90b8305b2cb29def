"""Words on their way to the agent: bounded, so that an agent that waits for its disk costs no memory here."""

from __future__ import annotations

import os
import threading
from collections import Counter, deque

import msgspec

from edge.devices._camera_words import Told
from edge.vision.words import Mistake, Up, worded

_MOST_WORDS, _MOST_BYTES = 256, 24 * 1024 * 1024


class Outbox:
    """Taken from by one thread. What finds no room goes without its pictures; then not at all. Both are counted."""

    def __init__(self, handle: int, most_bytes: int = _MOST_BYTES) -> None:
        self._handle, self._most_bytes = handle, most_bytes
        self._waiting: deque[bytes] = deque()
        self._there = threading.Condition()
        self.bytes = 0
        self.counts: Counter[str] = Counter()

    def put(self, word: Up) -> None:
        body = self._fitting(word)
        if body is None:
            self.counts["untold"] += 1
            return
        with self._there:
            self._waiting.append(body)
            self.bytes += len(body)
            self._there.notify()

    def run(self) -> None:
        """Until the agent is gone. Raises OSError then."""
        while True:
            with self._there:
                self._there.wait_for(lambda: self._waiting)
                body = self._waiting.popleft()
                self.bytes -= len(body)
            _write(self._handle, body)

    def _fitting(self, word: Up) -> bytes | None:
        body = _whole(word)
        if body is not None and self._has_room(len(body)):
            return body
        bare = _bare(word)
        self.counts["without_pictures"] += bare is not word
        body = _whole(bare)
        return body if body is not None and self._has_room(len(body)) else None

    def _has_room(self, size: int) -> bool:
        with self._there:
            return len(self._waiting) < _MOST_WORDS and self.bytes + size <= self._most_bytes


def _whole(word: Up) -> bytes | None:
    """None for a word that is too long to be said."""
    try:
        return worded(word)
    except ValueError:
        return None


def _bare(word: Up) -> Up:
    """Without what makes it long."""
    match word:
        case Told():
            return msgspec.structs.replace(word, shots=())
        case Mistake():
            return msgspec.structs.replace(word, text=word.text[:200])
        case _:
            return word


def _write(handle: int, body: bytes) -> None:
    while body:
        body = body[os.write(handle, body) :]
