"""Looks at a found plate again, from closer: a small detector tells corners well where the plate is large."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np

from edge.vision.frames import Picture
from edge.vision.plates.corners import Found, overlap

_WIDTHS = 2.5  # how many plates wide the part is that is looked at
_SAME = 0.2  # common area from which it is the same plate
_LEAST_PIXELS = 8


class Closer:
    """``side``: what a part is brought to; 0 where the detector brings it to its own size."""

    def __init__(self, find: Callable[[Picture], list[Found]], side: int = 0) -> None:
        self._find, self._side = find, side

    def __call__(self, picture: Picture, found: Found) -> Found:
        """The same plate with better corners, or what came in where it is not found again."""
        part, left, top = _part(picture, found)
        if min(part.shape[:2]) < _LEAST_PIXELS:
            return found
        scale = self._side / max(part.shape[:2]) if self._side else 1.0
        near = cast(Picture, cv2.resize(part, None, fx=scale, fy=scale)) if self._side else part
        for again in self._find(near):
            corners = again.corners / np.float32(scale) + np.array([left, top], np.float32)
            moved = Found(corners.astype(np.float32), again.score, again.rows)
            if overlap(moved.span, found.span) > _SAME:
                return moved
        return found


def _part(picture: Picture, found: Found) -> tuple[Picture, int, int]:
    left, top, right, bottom = found.span
    half = max(right - left, 2 * (bottom - top)) * _WIDTHS / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    height, width = picture.shape[:2]
    x0, x1 = max(0, int(x - half)), min(width, int(x + half))
    y0, y1 = max(0, int(y - half)), min(height, int(y + half))
    return picture[y0:y1, x0:x1], x0, y0
