"""Motion: what differs from the ground, is not light, not rain, not leaves, and was so a look ago."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from domain.scenes.geometry import Box
from domain.scenes.looking import MotionSettings
from edge.vision.frames import Luma
from edge.vision.motion.ground import Ground
from edge.vision.motion.small import Mask, boxes, covers, looked_at, small
from edge.vision.opencv import cv

State = Literal["calibrating", "watching"]
_LONGEST_GAP_S = 2.0  # after a longer one the ground is learned no faster
_CALM_S = 1.0
_MOST_WHEN_CALM = 4
_STRETCH_LOOKS = 50
_FELT_WHEN_NEW_S = 3.0
_QUICK = 5.0  # so many times faster a ground is learned that is new, or in another light
_GROWN = np.ones((3, 3), np.uint8)
_NEAR = np.ones((7, 7), np.uint8)


class Moves(msgspec.Struct, frozen=True):
    """Where the picture moves; nothing is told of it while the ground is still being learned."""

    boxes: tuple[Box, ...] = ()
    fresh: tuple[Box, ...] = ()  # of these, where something changed just now
    share: float = 0.0
    state: State = "watching"


class Motion:
    """One camera's. Looks at every picture it is given; how often that is, its caller decides."""

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._ground: Ground | None = None
        self._seen: Mask = looked_at((), (1, 1))
        self._points = 1
        self._changed: Mask | None = None
        self._last_s = self._began_s = self._restless_s = 0.0
        self._state: State = "calibrating"
        self._looks = 0

    def look(self, luma: Luma, seconds: float) -> Moves:
        """What moves on a picture that was taken ``seconds`` into the stream."""
        little = small(luma, self._settings.lines)
        ground = self._ground
        if ground is None or ground.shape != little.shape:
            return self._begin(little, seconds)
        passed_s = min(max(seconds - self._last_s, 0.0), _LONGEST_GAP_S)
        self._last_s = seconds
        if self._settings.resists:
            return self._look_well(ground, cv.medianBlur(little, 3), passed_s)
        return self._look_plainly(ground, little, passed_s)

    def _begin(self, little: Luma, seconds: float) -> Moves:
        """A first picture, or one of another size, or of another scene: all that was known is void."""
        self._seen = looked_at(self._settings.masks, little.shape)
        self._points = max(1, cv.countNonZero(self._seen))
        self._ground = Ground(cv.medianBlur(little, 3), self._seen)
        self._changed = None
        self._state = "calibrating"
        self._last_s = self._began_s = self._restless_s = seconds
        return Moves(state="calibrating")

    def _look_well(self, ground: Ground, little: Luma, passed_s: float) -> Moves:
        ground.light(little)
        changed, is_light = self._change(ground, little)
        share = cv.countNonZero(changed) / self._points
        if share > self._settings.lightning:
            return self._begin(little, self._last_s)
        moving = self._lasting(changed)
        self._learn(ground, little, changed, passed_s, is_light)
        return self._judged(moving, changed, share, ground)

    def _change(self, ground: Ground, luma: Luma) -> tuple[Mask, bool]:
        """Where it differs; and whether the most of that was light that fell on a part of the picture."""
        limit = ground.limit(self._settings.threshold / ground.stretch)
        changed = self._over(ground.differs(luma), limit)
        broad = cv.countNonZero(changed)
        if broad <= self._settings.broad * self._points:
            return changed, False
        if not ground.is_as_before(luma, changed):
            return changed, False
        return cv.bitwise_and(changed, self._over(ground.differs_in_kind(luma), limit)), True

    def _over(self, difference: Luma, limit: Luma) -> Mask:
        over: Mask = cv.compare(difference, limit, cv.CMP_GT)
        return cv.bitwise_and(over, self._seen)

    def _lasting(self, changed: Mask) -> Mask:
        """What had changed nearby a look ago as well: a drop or a flake is elsewhere by then."""
        before, self._changed = self._changed, changed
        if before is None:
            return np.zeros_like(changed)
        return cv.dilate(cv.bitwise_and(changed, cv.dilate(before, _NEAR)), _GROWN, iterations=2)

    def _learn(self, ground: Ground, luma: Luma, changed: Mask, passed_s: float, is_light: bool) -> None:
        settings, new = self._settings, self._state == "calibrating"
        ground.feel(luma, passed_s, *([_FELT_WHEN_NEW_S] if new else []))
        if is_light:
            ground.overlook()
        if new or is_light:
            ground.learn(luma, passed_s, settings.settle_s / _QUICK)
        else:
            ground.learn_around(luma, changed, passed_s, settings.settle_s)
            ground.fade(luma, changed, passed_s, settings.fade_after_s, settings.fade_s)
        self._looks += 1
        if self._looks % _STRETCH_LOOKS == 0:
            ground.look_again()

    def _judged(self, moving: Mask, changed: Mask, share: float, ground: Ground) -> Moves:
        found = tuple(boxes(moving, changed, self._settings.smallest))
        if self._state == "calibrating" and not self._is_known(share, len(found)):
            return Moves(share=share, state="calibrating")
        self._state = "watching"
        return Moves(found, self._fresh(found, ground), share)

    def _fresh(self, found: tuple[Box, ...], ground: Ground) -> tuple[Box, ...]:
        """Those in which enough changed just now; the others have stopped, or were left empty."""
        if not found or not self._settings.resists:
            return found
        change = cv.compare(ground.change, self._settings.threshold / ground.stretch, cv.CMP_GT)
        return tuple(box for box in found if covers(change, box, self._settings.smallest / 2))

    def _is_known(self, share: float, count: int) -> bool:
        """Whether it has been calm for a while; where it never is, what was learned in its time must do."""
        if share > self._settings.calm or count > _MOST_WHEN_CALM:
            self._restless_s = self._last_s
        calm = self._last_s - self._restless_s >= _CALM_S
        return calm or self._last_s - self._began_s >= self._settings.calibrate_s

    def _look_plainly(self, ground: Ground, little: Luma, passed_s: float) -> Moves:
        """The bare running average: what everything above is measured against."""
        limit = np.full(little.shape, self._settings.threshold, np.uint8)
        changed = self._over(ground.differs(little), limit)
        ground.learn(little, passed_s, self._settings.settle_s)
        ground.picture = cv.convertScaleAbs(ground.average)
        moving = cv.dilate(changed, _GROWN, iterations=2)
        return self._judged(moving, changed, cv.countNonZero(changed) / self._points, ground)
