"""How a scene is looked at: for motion, for things, and how these are followed. The defaults fit a fixed camera."""

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


class ObjectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``floor``: what is followed at all. ``sure_from``: so sure it must once have been for it to be told.

    ``whole_every_s``: so often the whole picture is looked at, for what was there before the ground was learned.
    """

    model: str | None = None
    looks_per_s: Annotated[float, Meta(gt=0, le=10)] = 3.0
    whole_every_s: Annotated[float, Meta(ge=5, le=3_600)] = 60.0
    floor: Annotated[float, Meta(gt=0, lt=1)] = 0.3
    sure_from: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    smallest: Annotated[float, Meta(ge=0, lt=1)] = 0.0005


class TrackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When what is followed is given up, and how often what stands is looked at again."""

    likeness: Annotated[float, Meta(gt=0, lt=1)] = 0.15
    room: Annotated[float, Meta(ge=0, le=3)] = 0.5
    lost_s: Annotated[float, Meta(gt=0, le=60)] = 3.0
    still_after_s: Annotated[float, Meta(gt=0, le=600)] = 3.0
    parked_lost_s: Annotated[float, Meta(gt=0, le=600)] = 30.0  # so long a van may hide a car that is parked
    again_s: Annotated[float, Meta(gt=0, le=60)] = 2.0  # what has just stopped; what has stood long, more seldom,
    again_most_s: Annotated[float, Meta(gt=0, le=600)] = 30.0  # up to this
    most: Annotated[int, Meta(ge=1, le=200)] = 40
