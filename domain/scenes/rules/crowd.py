"""So many persons at once."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from domain.scenes.crowds import Crowds
from domain.scenes.rules.rule import Firing, Grounds, RuleKind, RuleSettings, fired
from domain.scenes.sightings import PERSON, Moment, Sighting

LABEL = "crowd"


class Settings(RuleSettings, frozen=True, kw_only=True):
    persons: Annotated[int, Meta(ge=2, le=40)] = 6
    seconds: Annotated[float, Meta(ge=0, le=3_600)] = 10.0


class Crowd:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        zone, hours = grounds.zone(settings.zone), grounds.at_hours(settings.hours)
        self._settings = settings
        self._crowds = Crowds(zone, _counts, at_least=settings.persons, stay_s=settings.seconds, at_hours=hours)

    def look(self, moment: Moment) -> list[Firing]:
        return [
            fired(one, self._settings, LABEL, metrics={"persons": float(one.count)} if one.count else None)
            for one in self._crowds.look(moment)
        ]


def _counts(sighting: Sighting) -> bool:
    return sighting.label == PERSON and sighting.moved


RULE = RuleKind("crowd", Settings, Crowd)
