"""A bound on frames a second: what a camera sends beyond it is not looked at."""

from __future__ import annotations

_EARLY = 0.25  # of an interval: cameras are not punctual, and one at the bound loses nothing


class Thin:
    """Takes at most so many frames a second, evenly."""

    def __init__(self, fps: float) -> None:
        self._interval_s = 1.0 / fps
        self._next_s = 0.0

    def takes(self, seconds: float) -> bool:
        """Whether the frame of this moment is looked at; moments never run backwards."""
        if seconds < self._next_s - _EARLY * self._interval_s:
            return False
        self._next_s = max(self._next_s + self._interval_s, seconds)
        return True
