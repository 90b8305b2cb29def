"""How fast counts rise: per second, over the last minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

_WINDOW_S = 60.0
_MOST_NOTES = 120


class Rates:
    """Remembers counts of the last minute."""

    def __init__(self, window_s: float = _WINDOW_S) -> None:
        self._window_s = window_s
        self._noted: deque[tuple[float, dict[str, int]]] = deque(maxlen=_MOST_NOTES)

    def note(self, at_s: float, counts: Mapping[str, int]) -> dict[str, float]:
        """What each count rose by a second since the oldest note in the window; ``at_s`` is of a clock that never
        steps."""
        self._noted.append((at_s, dict(counts)))
        while at_s - self._noted[0][0] > self._window_s:
            self._noted.popleft()
        since_s, before = self._noted[0]
        elapsed_s = at_s - since_s
        if elapsed_s <= 0:
            return dict.fromkeys(counts, 0.0)
        return {name: round((count - before.get(name, 0)) / elapsed_s, 2) for name, count in counts.items()}
