"""A person who stays about: in the zone for so long, walking or standing."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from domain.scenes.rules.rule import Firing, Grounds, RuleKind, RuleSettings, fired, stayed
from domain.scenes.sightings import PERSON, Moment, Sighting
from domain.scenes.stays import Stays

LABEL = "loitering"


class Settings(RuleSettings, frozen=True, kw_only=True):
    seconds: Annotated[float, Meta(ge=5, le=3_600)] = 60.0


class Loitering:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        zone, hours = grounds.zone(settings.zone), grounds.at_hours(settings.hours)
        self._settings = settings
        self._stays = Stays(zone, _counts, stay_s=settings.seconds, at_hours=hours)

    def look(self, moment: Moment) -> list[Firing]:
        told = self._stays.look(moment)
        return [fired(one, self._settings, LABEL, reason_code=PERSON, metrics=stayed(one)) for one in told]


def _counts(sighting: Sighting) -> bool:
    return sighting.label == PERSON and sighting.moved


RULE = RuleKind("loitering", Settings, Loitering)
