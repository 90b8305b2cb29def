"""Whatever crosses a line, counted by its motion alone: for cameras that look down on a drive."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from domain.scenes.crossings import Crossings
from domain.scenes.geometry import Side, area, centre
from domain.scenes.rules.line_crossing import LABEL, way
from domain.scenes.rules.rule import Firing, Grounds, Name, RuleKind, RuleSettings, fired
from domain.scenes.sightings import Moment, Sighting

_LOOKS = 3  # of a drop or a bird there are fewer


class Settings(RuleSettings, frozen=True, kw_only=True):
    """``smallest``: as a share of the picture, so that a dog does not count. ``seen``: what it is taken for."""

    line: Name
    to: Side | None = None
    inward: Side | None = None
    smallest: Annotated[float, Meta(gt=0, le=1)] = 0.02
    seen: Name = "vehicle"


class MotionLine:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        hours = grounds.at_hours(settings.hours)
        self._settings = settings
        line = grounds.line(settings.line)
        self._crossings = Crossings(line, self._counts, to=settings.to, at_hours=hours, point=centre)

    def look(self, moment: Moment) -> list[Firing]:
        settings = self._settings
        further = {"reason_code": settings.seen, "trigger": "motion", "confidence": None}
        return [
            fired(one, settings, LABEL, **way(one.side, settings.inward), **further)
            for one in self._crossings.look(moment)
        ]

    def _counts(self, sighting: Sighting) -> bool:
        return sighting.looks >= _LOOKS and area(sighting.box) >= self._settings.smallest


RULE = RuleKind("motion_line", Settings, MotionLine, of="motion")
