"""The contract of a rule: its settings, how it is made for a scene, and what it tells. Found by name, in no list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec
from msgspec import Meta

from domain.alerts.conditions import During
from domain.places import Place
from domain.scenes.geometry import WHOLE, Line, Polygon
from domain.scenes.sightings import Moment, Told

Of = Literal["objects", "motion"]  # what it looks at: what the network finds, or whatever moves
_T = TypeVar("_T")
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Hours = Annotated[tuple[str, ...], Meta(max_length=16)]


class SceneMistake(ValueError):
    """Settings of a scene that cannot be; says where, what is wrong, and what to do."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule tells: of which track or crowd, and the fields of the event beside those of every event."""

    told: Told
    fields: dict[str, Any]


class Rule(Protocol):
    """Of one camera. Keeps what it must know of what is followed."""

    def look(self, moment: Moment) -> list[Firing]: ...


class RuleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every rule has. ``name`` stands in its events; without one it is its kind and where it looks.

    ``hours`` are of the complex's clocks, as ``22:00-05:00``; none: always.
    """

    kind: str
    name: Name | None = None
    hours: Hours = ()
    zone: Name | None = None  # none: the whole picture

    def __post_init__(self) -> None:
        During(hours=self.hours)


class Grounds(msgspec.Struct, frozen=True):
    """What a rule is made for: the zones and lines drawn on the picture, and the clocks of the complex."""

    place: Place
    zones: Mapping[str, Polygon]
    lines: Mapping[str, Line]

    def zone(self, name: str | None) -> Polygon:
        """Raises SceneMistake."""
        return WHOLE if name is None else _named(self.zones, "zone", name)

    def line(self, name: str) -> Line:
        """Raises SceneMistake."""
        return _named(self.lines, "line", name)

    def at_hours(self, spans: Hours) -> Callable[[datetime], bool]:
        during = During(hours=spans)
        return lambda at: during.holds(at, self.place)


class RuleKind(msgspec.Struct, frozen=True):
    """What a module of this folder says of itself, as ``RULE``."""

    name: str
    settings: type[RuleSettings]
    make: Callable[[Any, Grounds], Rule]
    of: Of = "objects"


@cache
def kinds() -> Mapping[str, RuleKind]:
    """Those of every module in ``domain.scenes.rules`` that has a ``RULE``: a new file is enough."""
    import domain.scenes.rules as folder

    modules = (
        importlib.import_module(f"domain.scenes.rules.{found.name}") for found in pkgutil.iter_modules(folder.__path__)
    )
    return {module.RULE.name: module.RULE for module in modules if hasattr(module, "RULE")}


def fired(told: Told, settings: RuleSettings, label: str, **further: Any) -> Firing:
    """The fields that every rule's event has; those without a value are left out."""
    sighting = told.sighting
    fields = {
        "label": label,
        "rule": settings.name or "-".join(filter(None, (settings.kind, settings.zone))),
        "zones": [settings.zone] if settings.zone else [],
        "confidence": None if sighting is None else round(sighting.confidence, 3),
        **further,
    }
    return Firing(told=told, fields={name: value for name, value in fields.items() if value not in (None, [])})


def stayed(told: Told) -> dict[str, float] | None:
    """For how long it had stayed when it was told."""
    return {"stayed_s": round(told.stayed_s, 1)} if told.phase == "start" else None


def label_of(told: Told) -> str | None:
    """What was seen, where the event's own label says what it did."""
    return told.sighting.label if told.sighting else None


def _named(named: Mapping[str, _T], what: str, name: str) -> _T:
    if name not in named:
        there = ", ".join(sorted(named)) or f"none; draw one under {what}s"
        raise SceneMistake(f"{what}: no {what} {name!r}; there are {there}")
    return named[name]
