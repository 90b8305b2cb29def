"""What the box's own settings and the centre's wishes together say of a camera; and whether this box can do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from domain.scenes.rules.rule import SceneMistake
from domain.scenes.wishes import CameraScene, over
from edge.vision.libraries import how_to_get
from edge.vision.settings import Camera, Vision

SCENE = "scene"  # the looker that goes by zones, lines and rules
NEEDED = ("av", "cv2", "numpy")
_FIND, _FOLLOW = "onnxruntime", "similari"


def camera_of(vision: Vision, device: str, wished: CameraScene | None, timezone: str) -> Camera:
    """The settings by which a camera is looked at. Masks of either count: what one of them hides stays hidden."""
    own = vision.of(device)
    scene = own.lookers.get(SCENE)
    if wished is not None:
        scene = over(scene or {}, wished)
        own = msgspec.structs.replace(own, masks=tuple(dict.fromkeys((*own.masks, *wished.masks))))
    lookers = {name: said for name, said in own.lookers.items() if name != SCENE}
    if scene:
        lookers[SCENE] = _with_usual(scene, vision, timezone)
    return msgspec.structs.replace(own, lookers=lookers)


def _with_usual(scene: Mapping[str, Any], vision: Vision, timezone: str) -> dict[str, Any]:
    """A scene that says nothing of its clocks and its network goes by those of the box."""
    usual: dict[str, Any] = {"model": vision.objects_model} if vision.objects_model else {}
    objects: Any = scene.get("objects", {})
    if isinstance(objects, Mapping):  # anything else is for the scene to refuse
        objects = usual | dict(objects)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return {"timezone": timezone, **scene, "objects": objects}


def check(vision: Vision, wished: Mapping[str, CameraScene], cameras: Iterable[str]) -> None:
    """Whether this box can do what is wished of its cameras. Raises SceneMistake: which, why not, and what to do."""
    for device in sorted(set(cameras) & wished.keys()):
        try:
            _check(camera_of(vision, device, wished[device], "UTC"), wished[device])
        except SceneMistake as error:
            raise SceneMistake(f"{device}: {error}") from error


def _check(camera: Camera, wished: CameraScene) -> None:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise SceneMistake(f"this box cannot see: {', '.join(missing)} missing; {how_to_get()}")
    if wished.rules and find_spec(_FOLLOW) is None:
        raise SceneMistake(f"rules: {_FOLLOW} is not installed here, which follows things; use Python 3.11 or 3.12")
    if wished.needs_a_network:
        _check_model(camera.lookers[SCENE].get("objects", {}).get("model"))


def _check_model(model: str | None) -> None:
    if not model:
        raise SceneMistake("rules: they ask for persons or vehicles; name a network under [vision] objects_model")
    if find_spec(_FIND) is None:
        raise SceneMistake(f"rules: {_FIND} is missing, which runs a network; {how_to_get()}")
    if not Path(model).is_file():
        raise SceneMistake(f"rules: the network {model} is not there; gatehouse-edge models fetch")
