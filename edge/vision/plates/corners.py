"""A plate found in a picture: its four corners, and what follows from them."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Span = tuple[float, float, float, float]  # left, top, right, bottom in pixels


class Found(msgspec.Struct, frozen=True):
    """``corners``: top left, top right, bottom right, bottom left, in pixels of the picture it was found in."""

    corners: Floats
    score: float
    rows: int = 1

    @property
    def span(self) -> Span:
        left, top = self.corners.min(axis=0).tolist()
        right, bottom = self.corners.max(axis=0).tolist()
        return left, top, right, bottom

    def touches_border(self, width: int, height: int, share: float = 0.005) -> bool:
        """Whether part of the plate may lie outside the picture."""
        left, top, right, bottom = self.span
        rim_x, rim_y = width * share, height * share
        return left < rim_x or top < rim_y or right > width - 1 - rim_x or bottom > height - 1 - rim_y


def overlap(a: Span, b: Span) -> float:
    """Common area over the area of both."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = _area(a) + _area(b) - wide * high
    return wide * high / both if both > 0 else 0.0


def _area(span: Span) -> float:
    return (span[2] - span[0]) * (span[3] - span[1])


def apart(found: list[Found], most_overlap: float) -> list[Found]:
    """The surest first, without those that lie over a surer one."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda each: -each.score):
        if all(overlap(one.span, other.span) < most_overlap for other in kept):
            kept.append(one)
    return kept
