"""What an installer sets of a camera's scene, read with errors that say where, what and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from domain.places import Place
from domain.scenes.geometry import Line, Polygon, is_flat
from edge.vision.motion import MotionSettings
from edge.vision.rules.rule import Grounds, Name, RuleKind, RuleSettings, SceneMistake, kinds
from edge.vision.tracks.tracks import TrackSettings


class ObjectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``floor``: what is followed at all. ``sure_from``: so sure it must once have been for it to be told.

    ``whole_every_s``: so often the whole picture is looked at, for what was there before the ground was learned.
    """

    model: str | None = None
    looks_per_s: Annotated[float, Meta(gt=0, le=10)] = 3.0
    whole_every_s: Annotated[float, Meta(ge=5, le=3_600)] = 60.0
    floor: Annotated[float, Meta(gt=0, lt=1)] = 0.3
    sure_from: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    smallest: Annotated[float, Meta(ge=0, lt=1)] = 0.0005


class SceneSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``rules`` are read by kind, each by the settings of its own file."""

    timezone: str = "Asia/Shanghai"
    motion: MotionSettings = msgspec.field(default_factory=MotionSettings)
    objects: ObjectSettings = msgspec.field(default_factory=ObjectSettings)
    tracks: TrackSettings = msgspec.field(default_factory=TrackSettings)
    zones: Annotated[dict[Name, Polygon], Meta(max_length=32)] = {}
    lines: Annotated[dict[Name, Line], Meta(max_length=32)] = {}
    rules: Annotated[tuple[dict[str, Any], ...], Meta(max_length=32)] = ()

    def __post_init__(self) -> None:
        for name, zone in self.zones.items():
            if is_flat(zone):
                raise ValueError(f"`zones`: {name!r} encloses nothing; draw its corners one after the other")
        for name, (start, end) in self.lines.items():
            if start == end:
                raise ValueError(f"`lines`: {name!r} begins where it ends; draw it over the way")

    @property
    def model(self) -> Path | None:
        return None if self.objects.model is None else Path(self.objects.model)


def read(settings: Mapping[str, Any]) -> SceneSettings:
    """Raises SceneMistake."""
    try:
        return msgspec.convert(settings, SceneSettings)
    except msgspec.ValidationError as error:
        raise SceneMistake(str(error)) from error


def grounds(settings: SceneSettings) -> Grounds:
    """Raises SceneMistake."""
    try:
        zone = ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SceneMistake(f"timezone: {settings.timezone!r} is none; write one like Asia/Shanghai") from error
    return Grounds(Place(zone), settings.zones, settings.lines)


def rules(settings: SceneSettings) -> list[tuple[RuleKind, RuleSettings]]:
    """Each with its kind. Raises SceneMistake."""
    found = [_rule(f"rules[{index}]", document) for index, document in enumerate(settings.rules)]
    return found


def _rule(where: str, document: dict[str, Any]) -> tuple[RuleKind, RuleSettings]:
    kind = kinds().get(str(document.get("kind")))
    if kind is None:
        raise SceneMistake(f"{where}.kind: no rule {document.get('kind')!r}; there are {', '.join(sorted(kinds()))}")
    try:
        return kind, msgspec.convert(document, kind.settings)
    except msgspec.ValidationError as error:
        raise SceneMistake(f"{where}: {error}") from error
