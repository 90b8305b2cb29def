"""What moves, followed without knowing what it is: for cameras that look down, where no network knows a car."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.scenes.geometry import Box, area
from domain.scenes.sightings import Sighting
from edge.vision.tracks.matching import Matching

LABEL = "motion"
_LIKENESS = 0.1
_LOST_S = 1.5


class Blobs:
    """Of one camera. Blobs smaller than ``smallest``, as a share of the picture, are left out."""

    def __init__(self, smallest: float) -> None:
        self._smallest, self._matching = smallest, Matching(_LIKENESS, idle=5)
        self._by_number: dict[int, Sighting] = {}
        self._count = 0

    def take(self, moving: Sequence[Box], seconds: float, at: datetime) -> tuple[Sighting, ...]:
        """All that are followed now, those that were seen just now and those that may come again."""
        large = [box for box in moving if area(box) >= self._smallest]
        for number, box in zip(self._matching.numbers(large), large, strict=True):
            self._by_number[number] = self._sighting(self._by_number.get(number), box, seconds, at)
        self._by_number = {number: one for number, one in self._by_number.items() if seconds - one.seen_s <= _LOST_S}
        return tuple(self._by_number.values())

    def _sighting(self, before: Sighting | None, box: Box, seconds: float, at: datetime) -> Sighting:
        self._count += before is None
        track = before.track if before else f"{at.timestamp():.3f}-m{self._count}"
        looks = before.looks + 1 if before else 1
        return Sighting(track=track, label=LABEL, box=box, confidence=1.0, seen_s=seconds, looks=looks)
