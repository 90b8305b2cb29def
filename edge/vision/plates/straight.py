"""Cuts a plate out of its picture as if it had been looked at from straight before it."""

from __future__ import annotations

import cv2
import numpy as np

from edge.vision.frames import Picture
from edge.vision.plates.corners import Floats, Found

_OUTWARDS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)


def widened(corners: Floats, across: float, along: float) -> Floats:
    """The corners moved outwards by shares of the plate's own width and height."""
    wide = (corners[1] - corners[0] + corners[2] - corners[3]) / 2
    high = (corners[3] - corners[0] + corners[2] - corners[1]) / 2
    moved = corners + _OUTWARDS[:, :1] * across * wide + _OUTWARDS[:, 1:] * along * high
    return moved.astype(np.float32)


def straighten(picture: Picture, corners: Floats, width: int, height: int, margin: float) -> Picture:
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(widened(corners, margin, margin), target)
    flags, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    return cv2.warpPerspective(picture, matrix, (width, height), flags=flags, borderMode=border)  # pyright: ignore[reportReturnType]


def plate_picture(picture: Picture, found: Found, margin: float = 0.04) -> Picture:
    """The plate for a person to look at."""
    return straighten(picture, found.corners, 240, 140 if found.rows == 2 else 76, margin)
