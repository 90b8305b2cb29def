"""A picture's brightness made small, and the parts of it that are looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.scenes.geometry import Box, Polygon
from edge.vision.frames import Luma
from edge.vision.opencv import cv

Mask = NDArray[np.uint8]  # 255 where something is so


def small(luma: Luma, lines: int) -> Luma:
    """So many lines, or fewer where the picture has fewer; its shape is kept.

    The nearest points alone: the means of areas would cost as much as all that follows.
    """
    height, width = luma.shape
    if height <= lines:
        return luma
    size = (max(1, round(width * lines / height)), lines)
    return np.asarray(cv.resize(luma, size, interpolation=cv.INTER_NEAREST), np.uint8)


def looked_at(masks: Sequence[Polygon], shape: tuple[int, int]) -> Mask:
    """255 everywhere but within the masks."""
    height, width = shape
    seen: Mask = np.full((height, width), 255, np.uint8)
    for polygon in masks:
        points = np.rint(np.array(polygon) * (width - 1, height - 1)).astype(np.int32)
        cv.fillPoly(seen, [points], 0)
    return seen


def boxes(moving: Mask, changed: Mask, smallest: float) -> list[Box]:
    """What moves as one, in shares of the picture; where less than ``smallest`` of it changed it is left out."""
    height, width = moving.shape
    outlines, _ = cv.findContours(moving, cv.RETR_EXTERNAL, cv.CHAIN_APPROX_SIMPLE)
    found = [cv.boundingRect(one) for one in outlines]
    placed = [(x / width, y / height, (x + w) / width, (y + h) / height) for x, y, w, h in found]
    return [box for box in placed if covers(changed, box, smallest)]


def covers(mask: Mask, box: Box, share: float) -> bool:
    """Whether so much of the picture, and two points at least, is marked within a box."""
    height, width = mask.shape
    return cv.countNonZero(cut(mask, box)) >= max(2.0, share * height * width)


def cut(mask: Mask, box: Box) -> Mask:
    """The part of a mask that a box covers."""
    height, width = mask.shape
    left, top, right, bottom = box
    return mask[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
