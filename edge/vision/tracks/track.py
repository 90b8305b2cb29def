"""One thing that is followed: where it is, since when it stands, what it is most likely, and its best picture."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import msgspec

from domain.scenes.geometry import Box, area, centre, likeness
from domain.scenes.sightings import Sighting
from edge.vision.frames import Picture
from edge.vision.objects.found import Found

NEWS = timedelta(seconds=10)  # an older picture would make what happens now old; and pictures take memory
_SAME_PLACE = 0.5  # boxes as like as this are of a thing that stands; the network is not more exact
_MOVED = 0.35  # of its own size
_STIRRED = 2  # what appears in motion came; a post was there before
_EDGE = 0.01  # what ends at the picture's edge may be half a thing
_LEAST_STEP = 1.1  # a picture must be better by a tenth to take the place of another


class Best(msgspec.Struct, frozen=True):
    """The picture on which a thing is seen best: surely, large, and whole."""

    worth: float
    picture: Picture
    box: Box
    at: datetime


class Track(msgspec.Struct):
    """Changed by ``Tracks`` alone."""

    id: str
    group: int
    box: Box
    first: Box
    anchor: Box  # where it stands, or last stood
    still_since_s: float
    seen_s: float
    looks: int = 0
    misses: int = 0
    confidence: float = 0.0
    stirred: int = 0  # at so many looks from its first on it moved
    moved: bool = False
    votes: Counter[str] = msgspec.field(default_factory=Counter[str])
    best: Best | None = None
    latest: Best | None = None

    def take(self, found: Found, seconds: float, *, in_motion: bool) -> None:
        """It was found again; ``in_motion`` where the picture moves as well."""
        if likeness(found.box, self.anchor) < _SAME_PLACE:
            self.anchor, self.still_since_s = found.box, seconds
        self.stirred += in_motion and self.stirred == self.looks
        self.moved = self.moved or self.stirred >= _STIRRED or _is_elsewhere(found.box, self.first)
        self.box, self.seen_s, self.misses = found.box, seconds, 0
        self.looks += 1
        self.confidence = max(self.confidence, found.confidence)
        self.votes[found.label] += round(found.confidence * 100)

    def show(self, found: Found, picture: Picture, at: datetime) -> None:
        """Keep a picture of it, if it is the best so far."""
        left, top, right, bottom = found.box
        whole = left > _EDGE and top > _EDGE and right < 1 - _EDGE and bottom < 1 - _EDGE
        worth = found.confidence * area(found.box) ** 0.5 * (1.0 if whole else 0.5)
        self.latest = Best(worth, picture, found.box, at)
        if self.best is None or worth > self.best.worth * _LEAST_STEP or at - self.best.at > NEWS:
            self.best = self.latest

    def best_at(self, now: datetime) -> Best | None:
        """The best picture of what happens now; the latest, where the best is older than news may be."""
        return self.best if self.best is not None and now - self.best.at <= NEWS else self.latest

    @property
    def label(self) -> str:
        return self.votes.most_common(1)[0][0]

    @property
    def still_s(self) -> float:
        return self.seen_s - self.still_since_s

    def sighting(self) -> Sighting:
        return Sighting(
            track=self.id,
            label=self.label,
            box=self.box,
            confidence=self.confidence,
            seen_s=self.seen_s,
            looks=self.looks,
            still_s=self.still_s,
            moved=self.moved,
        )


def _is_elsewhere(box: Box, first: Box) -> bool:
    """Whether its middle has moved by a part of its size; that a box grows and shrinks is no movement."""
    (x, y), (before_x, before_y) = centre(box), centre(first)
    width, height = max(box[2] - box[0], first[2] - first[0]), max(box[3] - box[1], first[3] - first[1])
    return abs(x - before_x) > _MOVED * width or abs(y - before_y) > _MOVED * height
