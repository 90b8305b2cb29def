"""What an installer may set of motion; the defaults fit a fixed camera at five looks a second."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from domain.scenes.geometry import Polygon

Seconds = Annotated[float, Meta(gt=0, le=3_600)]


class MotionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``masks`` are looked away from: a road beyond the wall, a flag, the clock that the camera burns in.

    ``resists`` off is the bare running average, for comparison only. Shares are of the picture's area.
    """

    looks_per_s: Annotated[float, Meta(gt=0, le=30)] = 5.0
    lines: Annotated[int, Meta(ge=50, le=400)] = 100
    threshold: Annotated[int, Meta(ge=5, le=200)] = 25
    smallest: Annotated[float, Meta(gt=0, le=1)] = 0.0008
    masks: Annotated[tuple[Polygon, ...], Meta(max_length=32)] = ()
    resists: bool = True
    settle_s: Seconds = 5.0  # how fast the ground is learned where nothing moves
    fade_after_s: Annotated[float, Meta(ge=0, le=25)] = 3.0  # what passes within this leaves no trace
    fade_s: Seconds = 30.0  # how fast what stopped becomes ground after that
    calibrate_s: Seconds = 20.0  # so long a new ground may take, however busy it is
    calm: Annotated[float, Meta(gt=0, lt=1)] = 0.05  # less than this moves: the ground is known
    broad: Annotated[float, Meta(gt=0, lt=1)] = 0.1  # more than this changes: it may be the light
    lightning: Annotated[float, Meta(gt=0, lt=1)] = 0.55  # more than this changes: another picture altogether
