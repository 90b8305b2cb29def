"""The readings of one car, added up over the pictures it was in: what is told of it, and when."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from domain.plate_weighing import Candidate, Weighed, by_registered

ENOUGH_READINGS = 3
SURE, READ = 0.9, 0.6  # share of the votes to be told at once, and to be told as read at all
_MOST_CANDIDATES = 5


class Verdict(msgspec.Struct, frozen=True):
    """``candidates``: the likeliest first, their weights add up to one. ``is_read``: sure enough to be called read."""

    candidates: list[Candidate]
    color: str
    confidence: float
    is_read: bool
    by_list: bool = False

    @property
    def plate(self) -> str:
        return self.candidates[0].plate


class Votes:
    """Sums of probabilities: a sharp picture outweighs many blurred ones."""

    def __init__(self) -> None:
        self._plates: dict[str, float] = {}
        self._colors: dict[str, float] = {}
        self._surest = 0.0
        self.readings = 0

    def add(self, candidates: list[Candidate], fit: float, color: str, color_confidence: float) -> None:
        """One reading of it. ``fit``: how far the reader had to be bent."""
        self.readings += 1
        for one in candidates:
            self._plates[one.plate] = self._plates.get(one.plate, 0.0) + one.weight * fit
        self._colors[color] = self._colors.get(color, 0.0) + color_confidence
        self._surest = max(self._surest, candidates[0].weight * fit)

    @property
    def is_settled(self) -> bool:
        """Whether another picture would hardly change it."""
        verdict = self.verdict()
        return self.readings >= ENOUGH_READINGS and verdict is not None and verdict.confidence >= SURE

    def verdict(self, registered: Collection[str] = ()) -> Verdict | None:
        """None where nothing was read."""
        total = sum(self._plates.values())
        if total <= 0.0:
            return None
        ranked = sorted(self._plates.items(), key=lambda each: (-each[1], each[0]))[:_MOST_CANDIDATES]
        weighed = by_registered(Weighed([Candidate(plate, sum_ / total) for plate, sum_ in ranked], 1.0), registered)
        color = max(sorted(self._colors), key=lambda each: self._colors[each])
        share = max(one.weight for one in weighed.candidates)
        confidence = share * min(1.0, self._surest * 2)
        return Verdict(weighed.candidates, color, confidence, confidence >= READ, weighed.by_list)
