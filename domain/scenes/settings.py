"""What an installer sets of a camera's scene, read with errors that say where, what and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from domain.places import Place
from domain.scenes.geometry import Line, Polygon, is_flat
from domain.scenes.looking import MotionSettings, ObjectSettings, TrackSettings
from domain.scenes.rules.rule import Grounds, Name, Rule, RuleKind, SceneMistake, kinds


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


def rules(settings: SceneSettings) -> list[tuple[RuleKind, Rule]]:
    """Each rule made for this scene, with its kind. Raises SceneMistake: which, and what is wrong with it."""
    ground = grounds(settings)
    return [_made(f"rules[{index}]", document, ground) for index, document in enumerate(settings.rules)]


def _made(where: str, document: dict[str, Any], ground: Grounds) -> tuple[RuleKind, Rule]:
    kind = kinds().get(str(document.get("kind")))
    if kind is None:
        raise SceneMistake(f"{where}.kind: no rule {document.get('kind')!r}; there are {', '.join(sorted(kinds()))}")
    try:
        return kind, kind.make(msgspec.convert(document, kind.settings), ground)
    except msgspec.ValidationError as error:
        raise SceneMistake(f"{where}: {error}") from error
    except SceneMistake as error:
        raise SceneMistake(f"{where}.{error}") from error
