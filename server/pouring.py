"""Whether events pour in: more of them than any ordinary day brings, because a backlog is being drained."""

from __future__ import annotations

import time
from collections.abc import Callable

_POURING_EVENTS, _BUSY_EVENTS, _HALF_LIFE_S = 2_000, 200, 0.5


class Pouring:
    """Counts what came in about the last second, each event weighing less the older it is."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._events, self._counted_s = 0.0, clock_s()

    def came(self, events: int) -> None:
        self._events = self._lately() + events

    def is_busy(self) -> bool:
        """Whether so much comes in that readers should write less often: about a small city's peak."""
        return self._lately() > _BUSY_EVENTS

    def __call__(self) -> bool:
        return self._lately() > _POURING_EVENTS

    def _lately(self) -> float:
        now = self._clock_s()
        self._events *= 0.5 ** ((now - self._counted_s) / _HALF_LIFE_S)
        self._counted_s = now
        return self._events
