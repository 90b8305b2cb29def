"""Which plate in this picture is which one of the last: by where it stands."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from edge.vision.plates.corners import Found, Span, overlap

_LEAST_OVERLAP = 0.15
_STRIDE = 1.5  # plate widths that a car may come on between two looks

T = TypeVar("T")


class Track(msgspec.Struct, Generic[T]):
    """One plate over time, and what is kept of it."""

    span: Span
    first_span: Span
    seen_s: float
    kept: T

    @property
    def growth(self) -> float:
        """How many times wider the plate is than at first."""
        return (self.span[2] - self.span[0]) / max(1.0, self.first_span[2] - self.first_span[0])


def matched(found: Found, tracks: list[Track[T]]) -> Track[T] | None:
    """The track that it goes on with, or None for a new one."""
    near = [(_nearness(found.span, track.span), track) for track in tracks]
    best = max(near, key=lambda each: each[0], default=(0.0, None))
    return best[1] if best[0] > 0.0 else None


def _nearness(a: Span, b: Span) -> float:
    """Above 1 by overlap; below by how close the middles are; 0 where it cannot be the same car."""
    common = overlap(a, b)
    if common >= _LEAST_OVERLAP:
        return 1.0 + common
    wide = max(a[2] - a[0], b[2] - b[0], 1.0)
    across, along = abs(a[0] + a[2] - b[0] - b[2]) / 2, abs(a[1] + a[3] - b[1] - b[3]) / 2
    return max(0.0, 1.0 - max(across, along) / (wide * _STRIDE))
