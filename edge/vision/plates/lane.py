"""Looks at a gate's lane: each car is told once, with the plate that all its pictures together say."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import numpy as np
from msgspec import Meta

from domain.events import Subject
from domain.plate_votes import Verdict, Votes
from domain.plates import classify
from edge.vision.frames import Box, Frame, Looker, Picture, Seen
from edge.vision.models.manifest import Profile
from edge.vision.motion import Motion, MotionSettings
from edge.vision.pace import Pace
from edge.vision.plates.corners import Found, Span
from edge.vision.plates.plate_reader import Plate
from edge.vision.plates.profiles import shared_reader
from edge.vision.plates.straight import plate_picture
from edge.vision.plates.tracks import Track, matched

_MOST_TRACKS = 16
_MOST_READINGS = 30  # of one car: what is not settled then never will be
_UNREAD_LOOKS = 5  # a plate that was there so often, and never read, is told as unreadable
_CLOSER, _FARTHER = 1.25, 0.8
_LOOKS_UNTIL_GONE = 1.5

Moves = Callable[[Frame], bool]


class LaneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``registered``: plates by which the province, and no more, may be decided. ``gone_s``: unseen so long is gone.

    ``still_looks_a_second``: while nothing moves, or all cars there are told; as often as else: motion is not watched.
    """

    models: Path
    profile: Profile = "fast"
    province: str = ""
    registered: Collection[str] = ()
    looks_a_second: Annotated[float, Meta(gt=0, le=30)] = 5.0
    still_looks_a_second: Annotated[float, Meta(gt=0, le=30)] = 1.0
    gone_s: Annotated[float, Meta(gt=0, le=60)] = 2.0

    def __post_init__(self) -> None:
        if self.still_looks_a_second * self.gone_s < _LOOKS_UNTIL_GONE:
            least = _LOOKS_UNTIL_GONE / self.gone_s
            raise ValueError(f"`still_looks_a_second`: at least {least:g}, or a car that stands is gone between looks")


class Reader(Protocol):
    """What the lane needs of a PlateReader."""

    def find(self, picture: Picture) -> list[Found]: ...

    def read(self, picture: Picture, found: Found, province: str = "") -> Plate | None: ...


class _Car(msgspec.Struct):
    """``seen``: of its best picture so far."""

    seen: Seen
    votes: Votes = msgspec.field(default_factory=Votes)
    best: float = -1.0
    looks: int = 0
    is_told: bool = False


class LaneLooker:
    """``moves``: whether anything may move in a frame; it is asked ``looks_a_second``. Without it all are looked at."""

    def __init__(self, reader: Reader, settings: LaneSettings, moves: Moves | None = None) -> None:
        self._reader, self._settings, self._moves = reader, settings, moves
        self._tracks: list[Track[_Car]] = []
        self._pace, self._rest = Pace(settings.looks_a_second), Pace(settings.still_looks_a_second)

    @property
    def looks_per_s(self) -> float:
        return self._pace.looks_per_s

    def look(self, frame: Frame) -> list[Seen]:
        """Cars whose plate is settled now, and those that are gone without having been told."""
        if not self._pace.takes(frame.seconds) or not self._is_worth_it(frame):
            return []
        self._rest.note(frame.seconds)
        picture = frame.picture()
        for found in self._reader.find(picture):
            self._one(frame, picture, found)
        return [*self._settled(), *self._gone(frame.seconds)]

    def _is_worth_it(self, frame: Frame) -> bool:
        """A car that is not told yet is looked at until it is; all else where something moves, or now and then."""
        moves = self._moves is None or self._moves(frame)
        if moves or any(not track.kept.is_told for track in self._tracks):
            return True
        return self._rest.is_due(frame.seconds)

    def _one(self, frame: Frame, picture: Picture, found: Found) -> None:
        """A plate at the rim is part of one: it says where the car is, and nothing of what stands on it."""
        height, width = picture.shape[:2]
        at_rim = found.touches_border(width, height)
        track = matched(found, self._tracks)
        if track is None:
            if at_rim or len(self._tracks) >= _MOST_TRACKS:
                return
            track = self._begin(frame, picture, found)
        track.span, track.seen_s = found.span, frame.seconds
        if not at_rim:
            self._read(track.kept, frame, picture, found)

    def _begin(self, frame: Frame, picture: Picture, found: Found) -> Track[_Car]:
        seen = Seen(id=f"{frame.at.timestamp():.3f}-{found.span[0]:.0f}", at=frame.at, fields={})
        track = Track(found.span, found.span, frame.seconds, _Car(_shown(seen, frame, picture, found)))
        self._tracks.append(track)
        return track

    def _read(self, car: _Car, frame: Frame, picture: Picture, found: Found) -> None:
        if car.is_told or car.votes.readings >= _MOST_READINGS:
            return
        car.looks += 1
        plate = self._reader.read(picture, found, self._settings.province)
        if plate is None:
            return
        car.votes.add(plate.candidates, plate.fit, plate.color, plate.color_confidence)
        worth = plate.confidence * float(np.ptp(plate.found.corners[:, 0]))  # sure and large
        if worth > car.best:
            car.best, car.seen = worth, _shown(car.seen, frame, picture, plate.found)

    def _settled(self) -> list[Seen]:
        return [self._told(track) for track in self._tracks if not track.kept.is_told and track.kept.votes.is_settled]

    def _gone(self, now_s: float) -> list[Seen]:
        gone = [track for track in self._tracks if now_s - track.seen_s > self._settings.gone_s]
        self._tracks = [track for track in self._tracks if track not in gone]
        untold = [track for track in gone if not track.kept.is_told]
        return [self._told(track) for track in untold if track.kept.votes.readings or track.kept.looks >= _UNREAD_LOOKS]

    def _told(self, track: Track[_Car]) -> Seen:
        car = track.kept
        car.is_told = True
        verdict = car.votes.verdict(self._settings.registered)
        fields = _unread() if verdict is None else _fields(verdict, car.votes.readings)
        travel = "approaching" if track.growth > _CLOSER else "departing" if track.growth < _FARTHER else "unknown"
        return msgspec.structs.replace(car.seen, fields={**fields, "travel": travel})


def make(settings: LaneSettings) -> Looker:
    """Raises MissingModels."""
    reader = shared_reader(settings.profile, settings.models)
    if settings.still_looks_a_second >= settings.looks_a_second:
        return LaneLooker(reader, settings)
    return LaneLooker(reader, settings, _Motion().may_be)


class _Motion:
    """A lane's own: while its ground is not known yet, everything may move."""

    def __init__(self) -> None:
        self._motion = Motion(MotionSettings())

    def may_be(self, frame: Frame) -> bool:
        moves = self._motion.look(frame.luma, frame.seconds)
        return moves.state == "calibrating" or bool(moves.fresh)


def _shown(seen: Seen, frame: Frame, picture: Picture, found: Found) -> Seen:
    crop, box = plate_picture(picture, found), _box(found.span, picture)
    return msgspec.structs.replace(seen, at=frame.at, picture=picture, box=box, crop=crop)


def _box(span: Span, picture: Picture) -> Box:
    height, width = picture.shape[:2]
    left, top, right, bottom = span
    shares = (left / width, top / height, right / width, bottom / height)
    return tuple(min(1.0, max(0.0, share)) for share in shares)  # pyright: ignore[reportReturnType]


def _unread() -> dict[str, Any]:
    return {"kind": "plate", "subject": Subject(type="plate", plate_status="unreadable")}


def _fields(verdict: Verdict, readings: int) -> dict[str, Any]:
    """Doubt is said as doubt: no plate then, and what it may be with the weight of each."""
    ext: dict[str, Any] = {
        "candidates": [{"plate": one.plate, "weight": round(one.weight, 3)} for one in verdict.candidates],
        "readings": readings,
    }
    if verdict.by_list:
        ext["province_by_list"] = True
    plate = verdict.plate if verdict.is_read else None
    status, valid = ("read", classify(verdict.plate) is not None) if plate else ("unreadable", None)
    subject = Subject(type="plate", id=plate, plate_color=verdict.color, plate_status=status, valid=valid)
    return {"kind": "plate", "subject": subject, "confidence": round(verdict.confidence, 3), "ext": ext}
