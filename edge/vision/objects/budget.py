"""How often all cameras of a process together may look for things: the network is what costs."""

from __future__ import annotations

import math
from threading import Lock

_LONGEST_S = 1.0  # what was not used for longer is lost, and who has not asked for longer waits no more
_OF_THE_LAST = 0.05  # how much the last look's cost counts among all before it


class Budget:
    """So many looks a second, and no more than a second's at once; who was refused comes before who asks anew.

    ``cores``: how much of the box they may take, by what they turn out to cost: on a slow one there are fewer, and
    what else it has to do is done. May be asked from several threads.
    """

    def __init__(self, looks_per_s: float, cores: float = math.inf) -> None:
        if looks_per_s <= 0 or cores <= 0:
            raise ValueError(f"{looks_per_s} looks_per_s on {cores} cores: nothing that could be spent")
        self._granted, self._cores, self._cost_s = looks_per_s, cores, 0.0
        self._left, self._lock = self._most, Lock()
        self._at_s: float | None = None
        self._waiting: dict[int, float] = {}  # who, by when they first asked, and when they last did
        self.refused = 0

    @property
    def looks_per_s(self) -> float:
        """As many as there may be, by what the last ones cost."""
        return min(self._granted, self._cores / self._cost_s) if self._cost_s else self._granted

    @property
    def _most(self) -> float:
        return max(1.0, self.looks_per_s * _LONGEST_S)

    def spent(self, cost_s: float) -> None:
        """What a look cost, in seconds of a core."""
        with self._lock:
            self._cost_s += (max(0.0, cost_s) - self._cost_s) * (_OF_THE_LAST if self._cost_s else 1.0)

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
        self._left = min(self._left + max(0.0, passed_s) * self.looks_per_s, self._most)
        self._waiting = {one: at_s for one, at_s in self._waiting.items() if abs(now_s - at_s) <= _LONGEST_S}
