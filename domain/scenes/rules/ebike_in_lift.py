"""A two-wheeler in a lift's cabin: whatever it is called, it carries a battery."""

from __future__ import annotations

from domain.scenes.rules.rule import Firing, Grounds, RuleKind, RuleSettings, fired, label_of
from domain.scenes.sightings import TWO_WHEELS, Moment, Sighting
from domain.scenes.stays import Stays

LABEL = "ebike_in_elevator"


class Settings(RuleSettings, frozen=True):
    """A zone leaves out the landing that is seen through the open door."""


class EbikeInLift:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        zone, hours = grounds.zone(settings.zone), grounds.at_hours(settings.hours)
        self._settings, self._stays = settings, Stays(zone, _counts, at_hours=hours)

    def look(self, moment: Moment) -> list[Firing]:
        told = self._stays.look(moment)
        return [fired(one, self._settings, LABEL, reason_code=label_of(one)) for one in told]


def _counts(sighting: Sighting) -> bool:
    return sighting.label == TWO_WHEELS


RULE = RuleKind("ebike_in_lift", Settings, EbikeInLift)
