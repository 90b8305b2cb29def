"""A person where none should be, at the hours that count."""

from __future__ import annotations

from domain.scenes.rules.rule import Firing, Grounds, RuleKind, RuleSettings, fired
from domain.scenes.sightings import PERSON, Moment, Sighting
from domain.scenes.stays import Stays


class Settings(RuleSettings, frozen=True):
    """Nothing further."""


class PersonInZone:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        zone, hours = grounds.zone(settings.zone), grounds.at_hours(settings.hours)
        self._settings, self._stays = settings, Stays(zone, _counts, at_hours=hours)

    def look(self, moment: Moment) -> list[Firing]:
        return [fired(told, self._settings, PERSON) for told in self._stays.look(moment)]


def _counts(sighting: Sighting) -> bool:
    return sighting.label == PERSON and sighting.moved


RULE = RuleKind("person_in_zone", Settings, PersonInZone)
