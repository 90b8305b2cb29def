"""Positions of a log that moves from SQLite to PostgreSQL: the day of each batch goes into its upper half.

PostgreSQL's log has a table a day and finds it by the position. Order and lower halves stay as they are, so every
cursor stands between the same two batches as before.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

from eventlog.postgres_days import DAY_BITS, number_of

# table -> column that holds a position of the log; a test goes over the schema for one that is not listed.
_OF_READERS = ("cursor", "reader_wait", "set_aside", "retention_cursor", "withheld", "picture_use", "detection")
LOG_POSITIONS: dict[str, str] = dict.fromkeys(("batch", "batch_day", *_OF_READERS), "position")


class Renumbering:
    """Learns from the batches, in order, and then knows every position's new number."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._days: list[int] = []

    def learn(self, position: int, received_at: str) -> int:
        """A batch's new position. A clock that stepped back puts it into the day before it, so that order holds."""
        if position >> DAY_BITS:
            return position
        day = number_of(date.fromisoformat(received_at[:10]))
        if not self._days or day > self._days[-1]:
            self._begins.append(position)
            self._days.append(day)
        return self._days[-1] << DAY_BITS | position

    def of(self, position: int) -> int:
        """Any position's new number: a cursor's, or that of a batch that is no longer there."""
        at = bisect_right(self._begins, position)
        if position >> DAY_BITS or at == 0:
            return position
        return self._days[at - 1] << DAY_BITS | position
