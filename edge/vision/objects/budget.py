"""How often all cameras of a process together may look for things: the network is what costs."""

from __future__ import annotations

from threading import Lock

_LONGEST_S = 1.0  # what was not used for longer is lost


class Budget:
    """So many looks a second, and no more than a second's at once. May be asked from several threads."""

    def __init__(self, looks_per_s: float) -> None:
        if looks_per_s <= 0:
            raise ValueError(f"looks_per_s: {looks_per_s} is nothing that could be spent")
        self._rate, self._left, self._lock = looks_per_s, max(1.0, looks_per_s * _LONGEST_S), Lock()
        self._at_s: float | None = None
        self.refused = 0

    def take(self, now_s: float) -> bool:
        """Whether one look may be had now. A clock that goes back gives nothing, and takes nothing away."""
        with self._lock:
            passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
            self._at_s = now_s
            self._left = min(self._left + passed_s * self._rate, max(1.0, self._rate * _LONGEST_S))
            if self._left < 1:
                self.refused += 1
                return False
            self._left -= 1
            return True
