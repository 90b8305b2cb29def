"""What a camera sees when nothing moves, and how restless each point of it is: running averages."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.vision.frames import Luma
from edge.vision.motion.small import Mask
from edge.vision.opencv import cv

_RESTLESS_S = 8.0
_MOST_RESTLESS = 60  # one passer-by is a large change, and says nothing of the place
_RESTING = 10  # so much a point may change on the mean where people come and go, and is not called restless
_FLICKERS = 9.0  # by so many times what is beyond that a restless one must differ
_GRID = 4  # of the light every fourth point of every fourth line tells enough
_NEXT = np.ones((3, 3), np.uint8)
_MOST_GAIN = 3.0
_MOST_STRETCH = 2.0
_WELL_LIT = 110.0  # a picture whose bright points are so bright needs no stretching
_AROUND = 31  # points: what is even over so many is light, what is not is a thing
_DARK = 8
_NEAR = 9
_GRAIN = 4.0  # what a sensor adds to each point, squared
_ALIKE = 0.6
_TENTHS = 10  # what lasts is counted in tenths of a second, up to 25 s


class Ground:
    """The average picture. Everything here is at the small size, and of one camera."""

    def __init__(self, first: Luma, seen: Mask) -> None:
        self.average: NDArray[np.float32] = first.astype(np.float32)
        self._flicker: NDArray[np.float32] = np.zeros(first.shape, np.float32)
        self._lasted: Luma = np.zeros(first.shape, np.uint8)
        self._most: Luma = np.full(first.shape, _MOST_RESTLESS, np.uint8)
        self._before: Luma = first
        self._grid = seen[::_GRID, ::_GRID] > 0
        self.picture: Luma = first
        self.change: Luma = np.zeros_like(first)  # within the last two looks: what lasts is known at the second
        self._change: Luma = self.change
        self.stretch = self._stretch()

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.average.shape
        return height, width

    def light(self, luma: Luma) -> None:
        """Put the ground into a picture's light: an exposure, a cloud or a lamp changes all of it by one factor."""
        here = luma[::_GRID, ::_GRID][self._grid].astype(np.float32)
        ground = self.average[::_GRID, ::_GRID][self._grid]
        if not here.size:
            return
        gain = float(np.median((here + _DARK) / (ground + _DARK)))
        gain = min(max(gain, 1 / _MOST_GAIN), _MOST_GAIN)
        np.multiply(self.average, gain, out=self.average)
        np.add(self.average, _DARK * (gain - 1), out=self.average)
        self.picture = cv.convertScaleAbs(cv.max(self.average, 0.0))

    def differs(self, luma: Luma) -> Luma:
        return cv.absdiff(luma, self.picture)

    def differs_in_kind(self, luma: Luma) -> Luma:
        """Where it differs by more than light: each point is held against the mean around it, on both pictures."""
        return cv.absdiff(_against_around(luma), _against_around(self.picture))

    def is_as_before(self, luma: Luma, where: Mask) -> bool:
        """Whether the same things are to be seen there, in another light: their edges are where they were."""
        there = where > 0
        here, before = _edges(luma)[there], _edges(self.picture)[there]
        grain = _GRAIN * len(here)  # of two that have no edges nothing has changed but the light
        alike = float(here @ before) + grain
        return alike > _ALIKE * ((float(here @ here) + grain) * (float(before @ before) + grain)) ** 0.5

    def limit(self, threshold: float) -> Luma:
        """By how much each point must differ: more where it always flickers, as leaves in the wind do."""
        restless = cv.subtract(cv.dilate(cv.convertScaleAbs(self._flicker), _NEXT), _RESTING)
        return cv.max(cv.convertScaleAbs(restless, alpha=_FLICKERS), threshold)

    def feel(self, luma: Luma, seconds: float, over_s: float = _RESTLESS_S) -> None:
        """How much each point changes from look to look: what has merely stopped changes no more."""
        before, self._change = self._change, cv.absdiff(luma, self._before)
        self.change = cv.max(before, self._change)
        cv.accumulateWeighted(cv.min(self._change, self._most), self._flicker, _weight(seconds, over_s))
        self._before = luma

    def overlook(self) -> None:
        """What changed at this look was the light: at the next it is no change of a while ago."""
        self._change = np.zeros_like(self._change)

    def learn(self, luma: Luma, seconds: float, over_s: float) -> None:
        """Take the whole picture in, whatever moves on it."""
        cv.accumulateWeighted(luma, self.average, _weight(seconds, over_s))

    def learn_around(self, luma: Luma, changed: Mask, seconds: float, over_s: float) -> None:
        """Take in where nothing differs."""
        cv.accumulateWeighted(luma, self.average, _weight(seconds, over_s), mask=cv.bitwise_not(changed))

    def fade(self, luma: Luma, changed: Mask, seconds: float, after_s: float, over_s: float) -> None:
        """Take in slowly what has differed for so long: what passes leaves no trace, what stopped becomes ground."""
        longer = cv.add(self._lasted, max(1, round(seconds * _TENTHS)))
        self._lasted = cv.bitwise_and(longer, changed)
        lasting = cv.compare(self._lasted, after_s * _TENTHS, cv.CMP_GT)
        cv.accumulateWeighted(luma, self.average, _weight(seconds, over_s), mask=lasting)

    def look_again(self) -> None:
        """How dark the ground is now; it changes slowly."""
        self.stretch = self._stretch()

    def _stretch(self) -> float:
        """By how much greys are drawn apart: in the dark, at most twice. On an even ground noise alone would grow."""
        bright = float(np.percentile(self.picture[::_GRID, ::_GRID], 96))
        return min(max(_WELL_LIT / max(1.0, bright), 1.0), _MOST_STRETCH)


def _against_around(luma: Luma) -> Luma:
    """Each point as 64 times its share of the mean around it: even light falls out, whatever its strength."""
    around = cv.blur(luma, (_AROUND, _AROUND))
    return cv.divide(cv.add(luma, _DARK), cv.add(around, _DARK), scale=64)


def _edges(luma: Luma) -> NDArray[np.float32]:
    """What is left of a picture without its even parts."""
    return cv.subtract(luma, cv.blur(luma, (_NEAR, _NEAR)), dtype=cv.CV_32F)


def _weight(seconds: float, over_s: float) -> float:
    return 1 - math.exp(-seconds / over_s)
