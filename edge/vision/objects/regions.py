"""The part of a picture that is worth looking at closely: where it moves, with room around, in the network's shape."""

from __future__ import annotations

from collections.abc import Sequence

from domain.scenes.geometry import Box, around
from edge.vision.frames import Picture
from edge.vision.objects.found import Finder, Found

ROOM = 0.25  # around what moves, as a share of it: a person's moving arm is not the person
_LEAST = 0.5  # of the picture's shorter side: closer than this the network sees no better


def region(moving: Sequence[Box], width: int, height: int, least: float = _LEAST) -> Box:
    """The smallest square, in points of the picture, around all that moves; the whole where it does not fit."""
    left, top, right, bottom = around(moving)
    left, top, right, bottom = left * width, top * height, right * width, bottom * height
    side = max((right - left) * (1 + 2 * ROOM), (bottom - top) * (1 + 2 * ROOM), least * min(width, height))
    across, down = _span((left + right) / 2, side, width), _span((top + bottom) / 2, side, height)
    return across[0] / width, down[0] / height, across[1] / width, down[1] / height


def _span(middle: float, side: float, most: int) -> tuple[float, float]:
    """A stretch of that length around the middle, pushed into the picture."""
    if side >= most:
        return 0.0, float(most)
    start = min(max(middle - side / 2, 0.0), most - side)
    return start, start + side


def find_in(finder: Finder, picture: Picture, where: Box) -> list[Found]:
    """What is in a part of a picture, in shares of the whole."""
    height, width = picture.shape[:2]
    left, right = round(where[0] * width), round(where[2] * width)
    top, bottom = round(where[1] * height), round(where[3] * height)
    across, down = (right - left) / width, (bottom - top) / height
    origin = (left / width, top / height)
    return [
        Found(one.label, one.confidence, _placed(one.box, origin, across, down))
        for one in finder.find(picture[top:bottom, left:right])
    ]


def _placed(box: Box, origin: tuple[float, float], across: float, down: float) -> Box:
    x, y = origin
    return x + box[0] * across, y + box[1] * down, x + box[2] * across, y + box[3] * down
