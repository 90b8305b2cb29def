"""The time of a stream: it never runs backwards, whatever a camera writes on its pictures."""

from __future__ import annotations

from collections import Counter

_LONGEST_STEP_S = 60.0  # a longer one is a camera that set its clock, not a pause


class Timeline:
    """Seconds, the first frame at ``begins_s``. Where stamps cannot be, the time of arrival goes on instead."""

    def __init__(self, counts: Counter[str], begins_s: float = 0.0) -> None:
        self._counts = counts
        self._seconds = begins_s
        self._stamp_s: float | None = None
        self._arrived_s: float | None = None

    def seconds(self, stamp_s: float | None, arrived_s: float) -> float:
        """``stamp_s`` as the stream has it, None where it has none; ``arrived_s`` of a clock that no step moves."""
        waited_s = 0.0 if self._arrived_s is None else max(0.0, arrived_s - self._arrived_s)
        self._seconds += self._step_s(stamp_s, waited_s)
        self._stamp_s, self._arrived_s = stamp_s, arrived_s
        return self._seconds

    def _step_s(self, stamp_s: float | None, waited_s: float) -> float:
        if stamp_s is None or self._stamp_s is None:
            return waited_s
        step_s = stamp_s - self._stamp_s
        if 0.0 <= step_s <= _LONGEST_STEP_S:
            return step_s
        self._counts["stamps_backwards" if step_s < 0 else "stamps_jumped"] += 1
        return min(waited_s, _LONGEST_STEP_S)
