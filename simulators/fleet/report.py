"""What a simulated fleet did, and how it was answered: counts and times, in memory that does not grow."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

_STEP = 1.05  # a time is kept to a twentieth of itself


class Times:
    """Many durations, as counts by size."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0

    def add(self, seconds: float) -> None:
        self._counts[round(math.log(max(seconds, 1e-5), _STEP))] += 1
        self.count += 1

    def percentile(self, share: float) -> float:
        """Seconds below which the share (0 to 1) of them lie; 0 where there are none."""
        wanted, seen = self.count * share, 0
        for size in sorted(self._counts):
            seen += self._counts[size]
            if seen >= wanted:
                return _STEP**size
        return 0.0

    def plain(self) -> dict[str, Any]:
        p50_ms, p99_ms = (round(self.percentile(share) * 1_000, 1) for share in (0.5, 0.99))
        return {"count": self.count, "p50_ms": p50_ms, "p99_ms": p99_ms}


class Report:
    """Counts since the start."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()  # made, sent, acknowledged, unmade
        self.batches: Counter[str] = Counter()  # sent, by what they were: usual, doubled, late
        self.outcomes: Counter[str] = Counter()  # what the centre answered to batches
        self.refused: Counter[str] = Counter()  # stable words of refusals, and "unreachable"
        self.happened: Counter[str] = Counter()  # outages, floods, storms, clocks learnt, upgrades
        self.times: dict[str, Times] = {"batch": Times(), "hello": Times()}

    def plain(self) -> dict[str, Any]:
        """For a script."""
        counted = {name: dict(getattr(self, name)) for name in ("events", "batches", "outcomes", "refused", "happened")}
        return {**counted, **{name: times.plain() for name, times in self.times.items()}}
