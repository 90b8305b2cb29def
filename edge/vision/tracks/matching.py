"""Boxes of one picture matched with those of the pictures before, by where they are and were going: Similari's SORT."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from domain.scenes.geometry import Box, area, centre

_SCALE = 1_000.0  # its filters are made for boxes in points, not in shares
_LEAST = 1e-3  # it divides by a box's height
_IDLE = 30  # matchings without a box after which a number is given up; their owner may let it go earlier


class CannotMatch(Exception):
    """The library that follows is not there; says what to do."""


class Matching:
    """Numbers for boxes, the same number for the same thing. Boxes of different groups are never the same.

    ``room``: by so much boxes are made larger for it, so that one who walked by his own width is still himself.
    """

    def __init__(self, least_likeness: float, *, room: float = 0.0, idle: int = _IDLE) -> None:
        library = _library()
        self._room = room
        self._box: Any = library.BoundingBox
        method: Any = library.PositionalMetricType.iou(least_likeness)
        self._sort: Any = library.Sort(shards=1, bbox_history=1, max_idle_epochs=idle, method=method)

    def numbers(self, boxes: Sequence[Box], group: int = 0) -> list[int]:
        """A number for each box, in their order."""
        told = [(self._placed(box).as_xyaah(), index) for index, box in enumerate(boxes)]
        by_index = {one.custom_object_id: one.id for one in self._sort.predict_with_scene(group, told)}
        self._sort.clear_wasted()
        return [by_index[index] for index in range(len(boxes))]

    def _placed(self, box: Box) -> Any:
        """As a square of the same size: its filter takes the changing shape of what enters the picture badly."""
        x, y = centre(box)
        side = max(area(box) ** 0.5, _LEAST) * (1 + self._room)
        return self._box((x - side / 2) * _SCALE, (y - side / 2) * _SCALE, side * _SCALE, side * _SCALE)


def _library() -> Any:
    """Only where something is followed: there are wheels of it for Python 3.11 and 3.12 alone. Raises CannotMatch."""
    try:
        return importlib.import_module("similari")
    except ModuleNotFoundError as error:
        raise CannotMatch("similari is not installed; use Python 3.11 or 3.12 with the extra `vision`") from error
