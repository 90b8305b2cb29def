"""A schematic of a complex that nobody has drawn: its buildings in rows, its gates at the edges. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Literal

import msgspec

WIDTH, HEIGHT = 1_000, 625  # of the whole drawing, in its own units
_EDGE, _GATE_LONG, _GATE_DEEP = 40, 120, 34
_ALONG = 0.76  # of an edge
_MOST_DRAWN = 400  # more would be no drawing
Kind = Literal["building", "gate"]
_SIDES = ("bottom", "top", "right", "left")


class Shape(msgspec.Struct, frozen=True):
    """Something with a name, and where it is drawn."""

    kind: Kind
    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[int, int]:
        """In thousandths of the drawing."""
        across = (self.x + self.width / 2) * 1_000 / WIDTH
        return round(across), round((self.y + self.height / 2) * 1_000 / HEIGHT)

    @property
    def signs(self) -> int:
        """How many signs of its name fit."""
        return max(2, int(self.width / self.size_px) - 1)

    @property
    def size_px(self) -> float:
        return round(max(7.0, min(24.0, self.width / 5, self.height / 2)), 1)


def lay_out(buildings: Sequence[str], gates: Sequence[str]) -> list[Shape]:
    """Every building and gate by its name, none over another."""
    return [*_buildings(buildings[:_MOST_DRAWN]), *_gates(gates[:_MOST_DRAWN])]


def _buildings(names: Sequence[str]) -> list[Shape]:
    if not names:
        return []
    across, down = WIDTH - 4 * _EDGE, HEIGHT - 4 * _EDGE
    columns = ceil(sqrt(len(names) * across / down))
    rows = ceil(len(names) / columns)
    wide, high = across / columns, down / rows
    return [
        Shape(
            "building",
            name,
            2 * _EDGE + (index % columns + 0.14) * wide,
            2 * _EDGE + (index // columns + 0.14) * high,
            0.72 * wide,
            0.72 * high,
        )
        for index, name in enumerate(names)
    ]


def _gates(names: Sequence[str]) -> list[Shape]:
    """Around the edge: the first below, the next above, then right and left, and again."""
    found: list[Shape] = []
    for number, side in enumerate(_SIDES):
        of_side = names[number :: len(_SIDES)]
        found += [
            _gate(name, side, (index + 1) / (len(of_side) + 1), len(of_side)) for index, name in enumerate(of_side)
        ]
    return found


def _gate(name: str, side: str, along: float, beside: int) -> Shape:
    is_level = side in ("bottom", "top")
    room = (WIDTH if is_level else HEIGHT) * _ALONG / (beside + 1)
    wide = min(_GATE_LONG, room) if is_level else 2 * _EDGE - 8
    high = _GATE_DEEP if is_level else min(_GATE_DEEP, room)
    along = (1 - _ALONG) / 2 + _ALONG * along  # the corners stay free
    middle = {"bottom": HEIGHT - _EDGE, "top": _EDGE}.get(side, along * HEIGHT)
    across = {"right": WIDTH - _EDGE, "left": _EDGE}.get(side, along * WIDTH)
    return Shape("gate", name, across - wide / 2, middle - high / 2, wide, high)
