"""What a subscriber of alarms wants to hear: a span of priorities, methods, and a span of time."""

from __future__ import annotations

import msgspec

from domain.gb28181.alarms import AlarmRow
from domain.gb28181.asked import Query


class Interest(msgspec.Struct, frozen=True):
    """Of the priorities between two, both included, and of these methods; no method stands for all."""

    priorities: tuple[int, int] = (1, 4)
    methods: frozenset[int] = frozenset()

    def wants(self, row: AlarmRow) -> bool:
        first, last = self.priorities
        return first <= row.priority <= last and (not self.methods or row.method in self.methods)


def interest_of(query: Query) -> Interest:
    """Zero, nothing and nonsense ask for all: hearing too much is better than to miss an alarm."""
    first, last = (_digit(query.body.word(name)) for name in ("StartAlarmPriority", "EndAlarmPriority"))
    methods = query.body.word("AlarmMethod")
    wanted = (
        frozenset(int(digit) for digit in methods if digit in "1234567") if "0" not in methods else frozenset[int]()
    )
    return Interest((first or 1, last or 4), wanted)


def _digit(text: str) -> int:
    return int(text) if text in ("1", "2", "3", "4") else 0
