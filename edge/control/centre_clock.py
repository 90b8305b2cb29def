"""The centre's time by what its answers said: for deadlines that the centre set, whatever this clock shows."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

_ANSWERS = 64  # a long poll's worth of half an hour: long enough to hold a quick one, short enough for a clock's drift


class CentreClock:
    """Of the last answers the quickest tells best: each says a time that was true when it was sent, a little ago.

    So an answer that lay somewhere for a minute is seen to be a minute old. ``elapsed_s`` counts steadily and is no
    clock; the time given is never ahead of the centre's.
    """

    def __init__(self) -> None:
        self._behind_s: deque[float] = deque(maxlen=_ANSWERS)

    def heard(self, server_time: datetime, elapsed_s: float) -> None:
        """An answer came at ``elapsed_s`` that was sent at ``server_time``."""
        self._behind_s.append(server_time.timestamp() - elapsed_s)

    def now(self, elapsed_s: float) -> datetime:
        """The centre's time at ``elapsed_s``, at least. Asked only after something was heard."""
        return datetime.fromtimestamp(max(self._behind_s) + elapsed_s, UTC)
