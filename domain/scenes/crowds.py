"""When there are so many in a zone at once, and for so long: told once, and once when it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.scenes.geometry import Polygon, contains, foot
from domain.scenes.sightings import Moment, Sighting, Told

GAP_S = 4.0  # so long there may be fewer, because one hides another, before the count begins anew
OVER_S = 30.0  # so long there must be fewer before it is over


class Crowds:
    """One zone. A crowd that melts and gathers again within ``over_s`` is the same crowd."""

    def __init__(
        self,
        zone: Polygon,
        counts: Callable[[Sighting], bool],
        *,
        at_least: int,
        stay_s: float = 0.0,
        over_s: float = OVER_S,
        at_hours: Callable[[datetime], bool] = lambda _: True,
    ) -> None:
        self._zone, self._counts, self._at_hours = zone, counts, at_hours
        self._at_least, self._stay_s, self._over_s = at_least, stay_s, over_s
        self._since_s: float | None = None
        self._many_s = 0.0  # when there were last so many
        self._told: str | None = None

    def look(self, moment: Moment) -> list[Told]:
        """Whether a crowd began, or is over, at this moment."""
        inside = [one for one in moment.seen if self._counts(one) and contains(self._zone, foot(one.box))]
        if len(inside) >= self._at_least and self._at_hours(moment.at):
            return self._many(moment, inside)
        return self._few(moment)

    def _many(self, moment: Moment, inside: list[Sighting]) -> list[Told]:
        if self._since_s is None:
            self._since_s = moment.seconds
        self._many_s = moment.seconds
        if self._told is not None or moment.seconds - self._since_s < self._stay_s:
            return []
        self._told = f"crowd-{moment.at.timestamp():.3f}"
        surest = max(inside, key=lambda one: one.confidence)
        return [Told(phase="start", about=self._told, sighting=surest, count=len(inside))]

    def _few(self, moment: Moment) -> list[Told]:
        gap_s = moment.seconds - self._many_s
        if self._since_s is None or gap_s <= (GAP_S if self._told is None else self._over_s):
            return []
        over, self._told, self._since_s = self._told, None, None
        return [] if over is None else [Told(phase="end", about=over)]
