"""One picture's verdict, held against the reference. The figures were measured on three clips: docs/vision.md."""

from __future__ import annotations

from edge.vision.health.reference import View, edges_alike, shapes_alike
from edge.vision.health.sight import Sight
from edge.vision.health.state import State

_DARK, _DARK_BRIGHT_END = 24.0, 64.0
_BARE = 0.01  # share of textured blocks below which there is nothing to see
_COVERED_OF_USUAL = 0.2
_SHOWS_ENOUGH = 0.04  # a view of plain walls says nothing about covers
_DEFOCUSED_OF_USUAL = 0.35
_BLURRED = 0.15  # without a reference
_MOVED, _MOVED_SHAPES = 0.35, 0.8  # both below: edges alone change with the light
_GONE = 0.25  # edges so unlike are another view, whatever the shapes say


def verdict(sight: Sight, view: View | None) -> State:
    """What this picture alone looks like. ``view`` None: what can be said without a reference."""
    if sight.brightness < _DARK and sight.bright_end < _DARK_BRIGHT_END:
        return "dark"
    if view is None:
        return _by_itself(sight)
    if view.textured >= _SHOWS_ENOUGH and sight.textured < max(_BARE, _COVERED_OF_USUAL * view.textured):
        return "covered"
    edges = edges_alike(sight, view)
    if edges >= _GONE and sight.sharpness < _DEFOCUSED_OF_USUAL * view.sharpness:
        return "defocused"
    if edges < _GONE or (edges < _MOVED and shapes_alike(sight, view) < _MOVED_SHAPES):
        return "moved"
    return "ok"


def _by_itself(sight: Sight) -> State:
    if sight.textured < _BARE:
        return "covered"
    return "defocused" if sight.sharpness < _BLURRED else "ok"


def is_sure(sight: Sight, view: View | None) -> bool:
    """Whether a picture that is well may teach the reference: one that is barely so may not draw it along."""
    return view is None or edges_alike(sight, view) > 0.5
