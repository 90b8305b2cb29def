"""Something that is followed, as it is at a moment; and what a rule tells of it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.events import Phase
from domain.scenes.geometry import Box, Side

PERSON = "person"
TWO_WHEELS = "non_motor_vehicle"  # bicycles, and what looks like a motorcycle, which is most often an electric one
VEHICLES = frozenset({"car", "truck", "bus", "van", "vehicle"})


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is followed. ``seen_s`` is when it was last found; ``still_s`` for how long it has not moved.

    ``looks``: how often it was found. ``confidence``: the most that it was ever found with. ``moved``: whether it was
    ever seen to move; what never did may be a post.
    """

    track: str
    label: str
    box: Box
    confidence: float
    seen_s: float
    looks: int = 1
    still_s: float = 0.0
    moved: bool = True


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is followed at one time; what is no longer among it has gone."""

    seconds: float  # never runs backwards
    at: datetime
    seen: tuple[Sighting, ...]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """That something began, is over, or happened at once. ``about`` names the track, or what is none, as a crowd."""

    phase: Phase
    about: str
    sighting: Sighting | None = None
    side: Side | None = None
    count: int = 0
    stayed_s: float = 0.0
