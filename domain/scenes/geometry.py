"""Where something is on a picture, in shares of its width and height: zones, lines, and the way over a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]
Point = tuple[Share, Share]  # from the left, from the top
Polygon = Annotated[tuple[Point, ...], Meta(min_length=3, max_length=64)]
Line = tuple[Point, Point]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Side = Literal["left", "right"]  # as one sees it who walks along the line from its first point to its second

WHOLE: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def foot(box: Box) -> tuple[float, float]:
    """Where what stands in a box touches the ground."""
    return (box[0] + box[2]) / 2, box[3]


def centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def area(box: Box) -> float:
    """0 for what is no box."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box around at least one."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def shared(one: Box, other: Box) -> float:
    """The area that both cover."""
    return area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))


def likeness(one: Box, other: Box) -> float:
    """What both cover, as a share of what either covers: 1 for the same box, 0 for boxes apart or without area."""
    both = shared(one, other)
    either = area(one) + area(other) - both
    return both / either if either > 0 else 0.0


def contains(polygon: Polygon, point: tuple[float, float]) -> bool:
    """Whether a point lies within; its edges above and to the left count, those below and to the right do not."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def is_flat(polygon: Polygon) -> bool:
    """Whether it encloses next to nothing, as points on one line do."""
    pairs = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2 < 1e-6


def beyond(line: Line, point: tuple[float, float]) -> float:
    """How far right of a line a point lies; left of it is below zero. The line goes on beyond its ends."""
    (ax, ay), (bx, by) = line
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    if length == 0:
        return 0.0
    return ((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)) / length


def crossed(line: Line, start: tuple[float, float], end: tuple[float, float]) -> Side | None:
    """To which side a straight way from ``start`` to ``end`` leads over a line; None where it misses it.

    What lies on the line counts as left of it, so that a way through a point on it crosses once.
    """
    before, after = beyond(line, start), beyond(line, end)
    if (before > 0) == (after > 0) or not _meet(line, start, end):
        return None
    return "right" if after > 0 else "left"


def _meet(line: Line, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a way meets a line between its ends, where both its ends are not on one side of it.

    Reckoned from the ends in their own order, so that rounding at an end of the line is the same there and back.
    """
    line, (first, last) = (min(line), max(line)), sorted((start, end))
    before, after = beyond(line, first), beyond(line, last)
    if before == after:
        return False  # along it, no further from it than numbers tell
    part = before / (before - after)
    return _is_between(line, (first[0] + part * (last[0] - first[0]), first[1] + part * (last[1] - first[1])))


def _is_between(line: Line, point: tuple[float, float]) -> bool:
    """Whether a point on a line lies between its ends."""
    (ax, ay), (bx, by) = line
    along = (point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)
    return 0 <= along <= (bx - ax) ** 2 + (by - ay) ** 2
