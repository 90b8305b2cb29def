"""The Looker of one camera's scene: what its rules tell becomes the fields of events, each with its best picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.scenes.geometry import Box
from domain.scenes.rules.rule import Firing, Of, Rule
from domain.scenes.sightings import Moment, Sighting
from edge.vision.frames import Frame, Seen
from edge.vision.motion import Motion, Moves
from edge.vision.pace import Pace
from edge.vision.scene.objects import Objects
from edge.vision.tracks.blobs import Blobs
from edge.vision.tracks.track import Best


class Named(msgspec.Struct, frozen=True):
    """A rule, its kind, and what it looks at."""

    kind: str
    of: Of
    rule: Rule


class Scene:
    """Looks at motion a few times a second, at things where it moves, and lets the rules judge."""

    def __init__(
        self,
        motion: Motion,
        looks_per_s: float,
        objects: Objects | None,
        blobs: Blobs | None,
        rules: Sequence[Named],
    ) -> None:
        self._motion, self._pace = motion, Pace(looks_per_s)
        self._objects, self._blobs, self._rules = objects, blobs, tuple(rules)
        self.moves = Moves(state="calibrating")

    @property
    def looks_per_s(self) -> float:
        return self._pace.looks_per_s

    def look(self, frame: Frame) -> list[Seen]:
        """What there is to tell; most frames are not even looked at."""
        if not frame.luma.size or not self._pace.takes(frame.seconds):
            return []
        self.moves = self._motion.look(frame.luma, frame.seconds)
        return [*self._of_motion(frame), *self._of_objects(frame)]

    def _of_motion(self, frame: Frame) -> list[Seen]:
        if self._blobs is None:
            return []
        moment = Moment(
            seconds=frame.seconds, at=frame.at, seen=self._blobs.take(self.moves.boxes, frame.seconds, frame.at)
        )
        return [
            self._seen(frame, firing, _now(frame, firing.told.sighting)) for firing in self._fired("motion", moment)
        ]

    def _of_objects(self, frame: Frame) -> list[Seen]:
        objects = self._objects
        if objects is None:
            return []
        objects.look(frame, self.moves)
        tracks = [*objects.tracks.all, *objects.let_go(frame.seconds)]
        bests = {track.id: track.best_at(frame.at) for track in tracks}
        moment = Moment(seconds=frame.seconds, at=frame.at, seen=objects.seen())
        return [self._seen(frame, one, bests.get(_pictured(one))) for one in self._fired("objects", moment)]

    def _fired(self, of: Of, moment: Moment) -> list[Firing]:
        return [firing for named in self._rules if named.of == of for firing in named.rule.look(moment)]

    def _seen(self, frame: Frame, firing: Firing, best: Best | None) -> Seen:
        """A rule's word about a track is its own fact, with a number of its own: two rules may tell of one track."""
        about, phase = firing.told.about, firing.told.phase
        said = {"kind": "detection", "phase": phase, "ext": {"track": about}}
        fields: dict[str, Any] = {**said, **firing.fields}
        number = f"{about}/{firing.fields['rule']}"
        if phase == "end" or best is None:
            return Seen(id=number, at=frame.at, fields=fields)
        fields["ext"]["box"] = [round(share, 4) for share in best.box]
        return Seen(id=number, at=best.at, fields=fields, picture=best.picture, box=best.box)


def _pictured(firing: Firing) -> str:
    """Whose best picture shows it: the track's, or of a crowd that of the surest in it."""
    return firing.told.sighting.track if firing.told.sighting else firing.told.about


def _now(frame: Frame, sighting: Sighting | None) -> Best | None:
    """Of what merely moves, the picture on which it was told."""
    box: Box | None = sighting.box if sighting else None
    return None if box is None else Best(0.0, frame.picture(), box, frame.at)
