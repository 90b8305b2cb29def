"""A vehicle that stands where none may: in the fire lane for so many minutes."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from domain.scenes.rules.rule import Firing, Grounds, RuleKind, RuleSettings, fired, label_of, stayed
from domain.scenes.sightings import TWO_WHEELS, VEHICLES, Moment, Sighting
from domain.scenes.stays import Stays

LABEL = "parked"
_HIDDEN_S = 30.0  # so long someone may stand before it


class Settings(RuleSettings, frozen=True, kw_only=True):
    """``two_wheels``: electric bicycles and motorcycles too."""

    minutes: Annotated[float, Meta(ge=0.05, le=1_440)] = 3.0
    two_wheels: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zone is None:
            raise ValueError("`zone`: name the one in which none may stand; somewhere in the picture one always does")


class VehicleStanding:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        zone, hours = grounds.zone(settings.zone), grounds.at_hours(settings.hours)
        self._settings = settings
        self._labels = VEHICLES | {TWO_WHEELS} if settings.two_wheels else VEHICLES
        stay_s = settings.minutes * 60
        self._stays = Stays(zone, self._counts, stay_s=stay_s, still=True, at_hours=hours, gap_s=_HIDDEN_S)

    def look(self, moment: Moment) -> list[Firing]:
        told = self._stays.look(moment)
        return [fired(one, self._settings, LABEL, reason_code=label_of(one), metrics=stayed(one)) for one in told]

    def _counts(self, sighting: Sighting) -> bool:
        return sighting.label in self._labels


RULE = RuleKind("vehicle_standing", Settings, VehicleStanding)
