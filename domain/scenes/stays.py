"""Who stays in a zone for so long, at the hours that count: told once for each track, and once when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from domain.scenes.geometry import Polygon, contains, foot
from domain.scenes.sightings import Moment, Sighting, Told

LOOKS = 2  # one look may err
GAP_S = 4.0  # so long it may be outside, or unseen, and has not left


class _Stay(msgspec.Struct):
    since_s: float
    inside_s: float  # when it was last inside
    looks: int = 0
    seen_s: float = -1.0
    told: bool = False
    over: bool = False


class Stays:
    """Of each track: when it came into the zone, whether that was told, whether it is over. Gone tracks are forgotten.

    ``still``: only what stands counts, and for as long as it has stood. A track that was told is never told again,
    also where it leaves and comes back.
    """

    def __init__(
        self,
        zone: Polygon,
        counts: Callable[[Sighting], bool],
        *,
        stay_s: float = 0.0,
        still: bool = False,
        at_hours: Callable[[datetime], bool] = lambda _: True,
        looks: int = LOOKS,
        gap_s: float = GAP_S,
    ) -> None:
        self._zone, self._counts, self._at_hours = zone, counts, at_hours
        self._stay_s, self._still, self._looks, self._gap_s = stay_s, still, looks, gap_s
        self._stays: dict[str, _Stay] = {}

    def look(self, moment: Moment) -> list[Told]:
        """What began and what is over at this moment."""
        in_hours = self._at_hours(moment.at)
        told = [one for sighting in moment.seen for one in self._follow(sighting, moment, in_hours)]
        return [*told, *self._gone(moment)]

    def _follow(self, sighting: Sighting, moment: Moment, in_hours: bool) -> Iterator[Told]:
        stay = self._stays.get(sighting.track)
        if in_hours and self._counts(sighting) and contains(self._zone, foot(sighting.box)):
            stay = stay or self._stays.setdefault(sighting.track, _Stay(moment.seconds, moment.seconds))
            yield from self._inside(stay, sighting, moment)
        elif stay is not None and moment.seconds - stay.inside_s > self._gap_s:
            yield from self._outside(stay, sighting)

    def _inside(self, stay: _Stay, sighting: Sighting, moment: Moment) -> Iterator[Told]:
        stay.inside_s = moment.seconds
        if sighting.seen_s > stay.seen_s:
            stay.seen_s, stay.looks = sighting.seen_s, stay.looks + 1
        stayed_s = self._stayed_s(stay, sighting)
        if not stay.told and stay.looks >= self._looks and stayed_s >= self._stay_s:
            stay.told = True
            yield Told(phase="start", about=sighting.track, sighting=sighting, stayed_s=stayed_s)

    def _stayed_s(self, stay: _Stay, sighting: Sighting) -> float:
        """Up to when it was last found: of something that may have gone since, nothing is known."""
        inside_s = sighting.seen_s - stay.since_s
        return min(inside_s, sighting.still_s) if self._still else inside_s

    def _outside(self, stay: _Stay, sighting: Sighting) -> Iterator[Told]:
        if not stay.told:
            del self._stays[sighting.track]
        elif not stay.over:
            stay.over = True
            yield Told(phase="end", about=sighting.track, sighting=sighting)

    def _gone(self, moment: Moment) -> Iterator[Told]:
        here = {sighting.track for sighting in moment.seen}
        for track in [track for track in self._stays if track not in here]:
            stay = self._stays.pop(track)
            if stay.told and not stay.over:
                yield Told(phase="end", about=track)
