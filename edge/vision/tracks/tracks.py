"""The things that are followed on one camera: who is new, who stands, when to look again, and who has gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.scenes.geometry import Box, area, centre, likeness, shared
from domain.scenes.looking import TrackSettings
from edge.vision.frames import Picture
from edge.vision.objects.found import Found
from edge.vision.objects.labels import PERSONS, group_of
from edge.vision.tracks.matching import Matching
from edge.vision.tracks.track import Track

_ROOM = 0.1
_COVERED = 0.9
_HALF = 0.5
_MISSES, _MISSES_STANDING = 2, 4
_FORGOTTEN = 4  # so many times as long as it takes to let it go, though nobody looked


class Look(msgspec.Struct, frozen=True):
    """One look at a part of a picture, and where it moved just then."""

    picture: Picture
    where: Box
    moving: tuple[Box, ...]
    seconds: float
    at: datetime


class Tracks:
    """Of one camera. What stands outside the part that was looked at is held where it is."""

    def __init__(self, settings: TrackSettings) -> None:
        self._settings = settings
        self._matching = Matching(settings.likeness, room=settings.room)
        self._by_number: dict[int, Track] = {}
        self._count = 0

    @property
    def all(self) -> list[Track]:
        return list(self._by_number.values())

    def take(self, found: Sequence[Found], look: Look) -> None:
        """What was found in the part of the picture that was looked at."""
        missed = [track for track in self.all if _holds(look.where, centre(track.box))]
        for group in sorted({group_of(one.label) for one in found} | {track.group for track in self.all}):
            here = [one for one in found if group_of(one.label) == group]
            self._match(group, here, look)
        for track in missed:
            track.misses += track.seen_s < look.seconds

    def _match(self, group: int, found: list[Found], look: Look) -> None:
        held = [one.box for one in self.all if one.group == group and not _holds(look.where, centre(one.box))]
        numbers = self._matching.numbers([*(one.box for one in found), *held], group)
        pairs = list(zip(numbers, found, strict=False))
        for number, one in sorted(pairs, key=lambda pair: pair[0] not in self._by_number):
            track = self._by_number.get(number) or self._stopped(number, group, one, look)
            track = track or self._begin(number, group, one, look)
            if track is not None:
                track.take(one, look.seconds, in_motion=_covered(one.box, look.moving))
                track.show(one, look.picture, look.at)

    def _stopped(self, number: int, group: int, found: Found, look: Look) -> Track | None:
        """Who stopped short is near where he was, and not where he was going."""
        free = [
            (likeness(track.box, found.box), old)
            for old, track in self._by_number.items()
            if track.group == group and track.seen_s < look.seconds
        ]
        best, old = max(free, default=(0.0, 0))
        if best < self._settings.likeness:
            return None
        track = self._by_number[number] = self._by_number.pop(old)
        return track

    def _begin(self, number: int, group: int, found: Found, look: Look) -> Track | None:
        """A new one; None where there are as many as can be followed."""
        if len(self._by_number) >= self._settings.most:
            return None
        self._count += 1
        name = f"{look.at.timestamp():.3f}-{self._count}"
        track = Track(name, group, found.box, found.box, found.box, look.seconds, look.seconds)
        self._by_number[number] = track
        return track

    def let_go(self, seconds: float) -> list[Track]:
        """Who was not found for so long, though it was looked for: they are followed no more."""
        gone = {number: track for number, track in self._by_number.items() if self._is_lost(track, seconds)}
        for number in gone:
            del self._by_number[number]
        return list(gone.values())

    def _is_lost(self, track: Track, seconds: float) -> bool:
        """Nobody looked where it is while the network had no time: that is no reason to let it go at once."""
        unseen_s = seconds - track.seen_s
        parked = self.stands(track) and track.group != PERSONS
        patience_s = self._settings.parked_lost_s if parked else self._settings.lost_s
        misses = _MISSES_STANDING if self.stands(track) else _MISSES
        forgotten_s = _FORGOTTEN * patience_s + self._settings.again_most_s
        return (track.misses >= misses and unseen_s > patience_s) or unseen_s > forgotten_s

    def stands(self, track: Track) -> bool:
        return track.still_s >= self._settings.still_after_s

    def due(self, seconds: float) -> list[Box]:
        """Where to look for those that are followed: at once for what moves, now and then for what stands."""
        return [track.box for track in self.all if seconds - track.seen_s >= self._again_s(track)]

    def _again_s(self, track: Track) -> float:
        if not self.stands(track):
            return 0.0
        if track.misses:
            return self._settings.again_s
        return min(self._settings.again_most_s, self._settings.again_s + track.still_s / 10)

    def explains(self, moving: Box) -> bool:
        """Whether what moves lies within what stands, as one who shifts on his feet."""
        size = area(moving)
        return any(shared(moving, _grown(one.box)) >= _COVERED * size for one in self.all if self.stands(one))


def _covered(box: Box, moving: Sequence[Box]) -> bool:
    """Whether half of it, or more, lies in something that moves."""
    return any(shared(box, one) >= _HALF * area(box) for one in moving)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _grown(box: Box) -> Box:
    across, down = (box[2] - box[0]) * _ROOM, (box[3] - box[1]) * _ROOM
    return box[0] - across, box[1] - down, box[2] + across, box[3] + down
