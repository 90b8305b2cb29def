"""What the centre wishes of a complex's cameras: where is what on their pictures, and what is told of it.

The desired state of kind ``scenes``. A gateway puts it over what its own settings say, by ``over``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.desired_words import Identity
from domain.scenes import settings
from domain.scenes.geometry import Line, Polygon, is_flat
from domain.scenes.rules.rule import Name, SceneMistake

MOST_CAMERAS, MOST_DRAWN, MOST_RULES = 1_000, 32, 32
Masks = Annotated[tuple[Polygon, ...], Meta(max_length=MOST_DRAWN)]
DRAWN = ("zones", "lines", "rules")  # of these the centre's count alone
TUNED = ("motion", "objects", "tracks")  # of these what the centre says goes before what the box says, word by word


class CameraScene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one camera. Places are shares of the picture's width and height. ``masks``: nobody sees there."""

    masks: Masks = ()
    zones: Annotated[dict[Name, Polygon], Meta(max_length=MOST_DRAWN)] = {}
    lines: Annotated[dict[Name, Line], Meta(max_length=MOST_DRAWN)] = {}
    rules: Annotated[tuple[dict[str, Any], ...], Meta(max_length=MOST_RULES)] = ()
    motion: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    tracks: dict[str, Any] = {}

    @property
    def needs_a_network(self) -> bool:
        """Whether any of its rules asks what something is. Only of one that is sound."""
        return any(kind.of == "objects" for kind, _ in settings.rules(settings.read(self.scene)))

    @property
    def scene(self) -> dict[str, Any]:
        """The settings of a scene that it makes, without what the box says."""
        said = msgspec.to_builtins(self)
        return {name: said[name] for name in (*DRAWN, *TUNED)}


class Scenes(msgspec.Struct, frozen=True):
    """Cameras by their ids in the device list. One that is not named goes by the settings of its box."""

    cameras: Mapping[str, CameraScene] = {}


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cameras: Annotated[dict[Identity, dict[str, Any]], Meta(max_length=MOST_CAMERAS)]


def read_scenes(body: object) -> Scenes:
    """Raises msgspec.ValidationError, SceneMistake: of which camera, where, and what is wrong."""
    return Scenes({device: _camera(device, said) for device, said in msgspec.convert(body, _Document).cameras.items()})


def _camera(device: str, said: dict[str, Any]) -> CameraScene:
    try:
        camera = msgspec.convert(said, CameraScene)
        check(camera)
    except (msgspec.ValidationError, SceneMistake) as error:
        raise SceneMistake(f"{device}: {error}") from error
    return camera


def check(camera: CameraScene) -> None:
    """Raises SceneMistake: where, what is wrong, and what to do."""
    if "model" in camera.objects:
        raise SceneMistake("objects.model: which file finds things is the box's own word; write it in its edge.toml")
    for index, mask in enumerate(camera.masks):
        if is_flat(mask):
            raise SceneMistake(f"masks[{index}]: it encloses nothing; draw its corners one after the other")
    settings.rules(settings.read(camera.scene))


def over(own: Mapping[str, Any], wished: CameraScene) -> dict[str, Any]:
    """The settings of a scene, of what the box says and what the centre wishes; empty where nothing is to be told.

    Zones, lines and rules are the centre's alone, so that what was deleted there is gone. How it is looked at is the
    box's, but for what the centre says. Which file finds things, and the clocks, are always the box's.
    """
    if not wished.rules:
        return {}
    said = wished.scene
    tuned = {name: {**own.get(name, {}), **said[name]} for name in TUNED}
    return {**own, **tuned, **{name: said[name] for name in DRAWN}}
