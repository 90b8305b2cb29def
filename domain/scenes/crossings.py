"""Who crosses a line, and to which side: told once for each track."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.scenes.geometry import Box, Line, Side, beyond, crossed, foot
from domain.scenes.sightings import Moment, Sighting, Told

MARGIN = 0.01  # so near to the line nobody can say on which side a thing is


class Crossings:
    """Of each track: where it last was for sure, off the line, and whether it was told. Gone tracks are forgotten.

    ``to``: only crossings to that side count. What crossed the other way may still cross back, and is told then.
    ``point``: what of a box must cross.
    """

    def __init__(
        self,
        line: Line,
        counts: Callable[[Sighting], bool],
        *,
        to: Side | None = None,
        at_hours: Callable[[datetime], bool] = lambda _: True,
        point: Callable[[Box], tuple[float, float]] = foot,
        margin: float = MARGIN,
    ) -> None:
        self._line, self._counts, self._to = line, counts, to
        self._at_hours, self._point, self._margin = at_hours, point, margin
        self._last: dict[str, tuple[float, float]] = {}
        self._told: set[str] = set()

    def look(self, moment: Moment) -> list[Told]:
        """Who crossed since the moment before; outside the hours tracks are followed and not told."""
        here = {sighting.track for sighting in moment.seen}
        self._told &= here
        self._last = {track: point for track, point in self._last.items() if track in here}
        in_hours = self._at_hours(moment.at)
        passed: list[tuple[Sighting, Side]] = [
            (one, side) for one in moment.seen if (side := self._passed(one)) and in_hours
        ]
        self._told |= {one.track for one, _ in passed}
        return [Told(phase="instant", about=one.track, sighting=one, side=side) for one, side in passed]

    def _passed(self, sighting: Sighting) -> Side | None:
        point = self._point(sighting.box)
        if not self._counts(sighting) or sighting.track in self._told or self._is_near(point):
            return None
        before = self._last.get(sighting.track)
        self._last[sighting.track] = point
        side = None if before is None else crossed(self._line, before, point)
        return side if self._to in (None, side) else None

    def _is_near(self, point: tuple[float, float]) -> bool:
        return abs(beyond(self._line, point)) <= self._margin
