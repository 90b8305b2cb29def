"""When to look for things, and where: only where it moves or someone is followed, and no more often than is allowed."""

from __future__ import annotations

import time

from domain.scenes.geometry import Box, area, around, likeness
from domain.scenes.looking import ObjectSettings
from domain.scenes.sightings import Sighting
from edge.vision.frames import Frame
from edge.vision.motion import Moves
from edge.vision.objects.budget import Budget
from edge.vision.objects.found import Finder, Found
from edge.vision.objects.regions import find_in, region
from edge.vision.tracks.track import Track
from edge.vision.tracks.tracks import Look, Tracks

_SLOWEST_S = 1.5  # where looks find nothing again and again, as in a tree, they grow rarer up to this
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_SAME_PLACE = 0.5
_EARLY_S = 0.02  # frames do not come to the millisecond


class Objects:
    """Of one camera."""

    def __init__(self, settings: ObjectSettings, finder: Finder, budget: Budget, tracks: Tracks) -> None:
        self._settings, self._finder, self._budget = settings, finder, budget
        self.tracks = tracks
        self._looked_s = self._whole_s = float("-inf")
        self._vain = 0
        self._vainly: Box = (0.0, 0.0, 0.0, 0.0)
        self.looks = 0

    def look(self, frame: Frame, moves: Moves) -> bool:
        """Whether it was looked at all."""
        where = [*self._whole(frame, moves), *self._moving(moves), *self.tracks.due(frame.seconds)]
        if not where or frame.seconds - self._looked_s < self._wait_s(where) - _EARLY_S:
            return False
        if not self._budget.take(id(self), frame.at.timestamp()):
            return False
        self._looked_s = frame.seconds
        if _WHOLE in where:
            self._whole_s = frame.seconds
        began_s = time.thread_time()
        self._find(frame, where, moves)
        self._budget.spent(time.thread_time() - began_s)
        return True

    def seen(self) -> tuple[Sighting, ...]:
        """Those that were, once at least, surely what they are taken for."""
        return tuple(one.sighting() for one in self.tracks.all if one.confidence >= self._settings.sure_from)

    def let_go(self, seconds: float) -> list[Track]:
        return self.tracks.let_go(seconds)

    def _whole(self, frame: Frame, moves: Moves) -> list[Box]:
        """Everything, as soon as the ground is known: a car may be parked on it that never moves, and later again."""
        if moves.state == "calibrating":
            self._whole_s = float("-inf")
            return []
        return [_WHOLE] if frame.seconds - self._whole_s >= self._settings.whole_every_s else []

    def _moving(self, moves: Moves) -> list[Box]:
        return [box for box in moves.fresh if not self.tracks.explains(box)]

    def _wait_s(self, where: list[Box]) -> float:
        """A tree in the wind moves all day, and nobody is in it: looks at the same place grow rarer."""
        wait_s = 1 / self._settings.looks_per_s
        if self.tracks.all or likeness(around(where), self._vainly) < _SAME_PLACE:
            return wait_s
        return max(wait_s, min(_SLOWEST_S, wait_s * 1.25**self._vain))

    def _find(self, frame: Frame, where: list[Box], moves: Moves) -> None:
        picture = frame.picture()
        part = region(where, picture.shape[1], picture.shape[0])
        found = [one for one in find_in(self._finder, picture, part) if self._is_enough(one)]
        self.looks += 1
        self._vain = 0 if found else min(self._vain + 1, 16)
        self._vainly = around(where)
        self.tracks.take(found, Look(picture, part, moves.fresh, frame.seconds, frame.at))

    def _is_enough(self, found: Found) -> bool:
        return area(found.box) >= self._settings.smallest
