"""A person or vehicle that crosses a line: to either side, or to one."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from domain.scenes.crossings import Crossings
from domain.scenes.geometry import Side
from domain.scenes.rules.rule import Firing, Grounds, Name, RuleKind, RuleSettings, fired, label_of
from domain.scenes.sightings import PERSON, TWO_WHEELS, VEHICLES, Moment, Sighting

LABEL = "line_crossed"
Labels = Annotated[frozenset[Name], Meta(min_length=1, max_length=16)]


class Settings(RuleSettings, frozen=True, kw_only=True):
    """``to``: the side that counts, as seen by one who walks along the line. ``inward``: which is the complex's."""

    line: Name
    to: Side | None = None
    inward: Side | None = None
    labels: Labels = frozenset({PERSON})

    def __post_init__(self) -> None:
        super().__post_init__()
        if odd := sorted(self.labels - VEHICLES - {PERSON, TWO_WHEELS}):
            raise ValueError(f"`labels`: nothing is called {odd[0]!r}; there are {PERSON}, {TWO_WHEELS}, {_VEHICLES}")


class LineCrossing:
    def __init__(self, settings: Settings, grounds: Grounds) -> None:
        hours = grounds.at_hours(settings.hours)
        self._settings = settings
        self._crossings = Crossings(grounds.line(settings.line), self._counts, to=settings.to, at_hours=hours)

    def look(self, moment: Moment) -> list[Firing]:
        return [
            fired(one, self._settings, LABEL, **way(one.side, self._settings.inward), reason_code=label_of(one))
            for one in self._crossings.look(moment)
        ]

    def _counts(self, sighting: Sighting) -> bool:
        return sighting.label in self._settings.labels and sighting.moved


def way(side: Side | None, inward: Side | None) -> dict[str, str | None]:
    """Which way over the line, and what that means for the site, where it is known."""
    direction = None if side is None or inward is None else "in" if side == inward else "out"
    return {"travel": side, "direction": direction}


_VEHICLES = ", ".join(sorted(VEHICLES))
RULE = RuleKind("line_crossing", Settings, LineCrossing)
