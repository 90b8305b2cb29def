"""How often all cameras of a process together may look for things: the network is what costs."""

from __future__ import annotations

from threading import Lock

_LONGEST_S = 1.0  # what was not used for longer is lost, and who has not asked for longer waits no more


class Budget:
    """So many looks a second, and no more than a second's at once; who was refused comes before who asks anew.

    May be asked from several threads.
    """

    def __init__(self, looks_per_s: float) -> None:
        if looks_per_s <= 0:
            raise ValueError(f"looks_per_s: {looks_per_s} is nothing that could be spent")
        self._rate, self._most = looks_per_s, max(1.0, looks_per_s * _LONGEST_S)
        self._left, self._lock = self._most, Lock()
        self._at_s: float | None = None
        self._waiting: dict[int, float] = {}  # who, by when they first asked, and when they last did
        self.refused = 0

    def take(self, who: int, now_s: float) -> bool:
        """Whether one look may be had now. A clock that goes back gives nothing, and takes nothing away."""
        with self._lock:
            self._fill(now_s)
            self._waiting[who] = now_s
            if self._left < list(self._waiting).index(who) + 1:
                self.refused += 1
                return False
            del self._waiting[who]
            self._left -= 1
            return True

    def _fill(self, now_s: float) -> None:
        """Threads ask with the times of their frames, one a little before another: no moment is counted twice."""
        passed_s = 0.0 if self._at_s is None else now_s - self._at_s
        if self._at_s is None or not -_LONGEST_S <= passed_s <= 0.0:
            self._at_s = now_s
        self._left = min(self._left + max(0.0, passed_s) * self._rate, self._most)
        self._waiting = {one: at_s for one, at_s in self._waiting.items() if abs(now_s - at_s) <= _LONGEST_S}
