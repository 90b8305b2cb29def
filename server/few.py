"""So many times within a while, and no more: by who asks, in this process, within bounds of memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

_MOST_REMEMBERED = 10_000


class Few:
    """Counts requests by a name; of many names the longest silent is forgotten."""

    def __init__(self, most: int, within_s: float) -> None:
        self._most, self._within = most, timedelta(seconds=within_s)
        self._asked: OrderedDict[str, deque[datetime]] = OrderedDict()

    def may(self, name: str, now: datetime) -> bool:
        """Whether one more is within the bound; then it counts."""
        asked = self._asked.setdefault(name, deque(maxlen=self._most))
        self._asked.move_to_end(name)
        if len(self._asked) > _MOST_REMEMBERED:
            self._asked.popitem(last=False)
        if asked and now < asked[-1]:  # the clock was set back: what it said before is no measure any more
            asked.clear()
        if len(asked) == self._most and now - asked[0] < self._within:
            return False
        asked.append(now)
        return True
