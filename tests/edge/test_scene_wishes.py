"""What the centre wishes of cameras at the gateway: taken, or refused with place and reason; masks are never lost."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.scenes.rules.rule import SceneMistake
from domain.scenes.wishes import CameraScene, read_scenes
from edge.vision import wishes
from edge.vision.settings import Camera, Vision
from edge.vision.wishes import camera_of, check
from tests.edge.control_bench import ControlBench, control_bench

DEVICES: dict[str, Any] = {"devices": [{"id": "camera:yard", "address": "rtsp://192.0.2.1/a"}]}
MASK = [[0.0, 0.0], [0.3, 0.0], [0.3, 0.4]]
ROAD = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9]]
PERSON: dict[str, Any] = {"zones": {"restricted": ROAD}, "rules": [{"kind": "person_in_zone", "zone": "restricted"}]}
LINE: dict[str, Any] = {"lines": {"gate": [[0.5, 0], [0.5, 1]]}, "rules": [{"kind": "motion_line", "line": "gate"}]}
SEES = pytest.mark.skipif(
    any(find_spec(name) is None for name in (*wishes.NEEDED, "similari")), reason="needs the extra vision"
)


def document(**cameras: dict[str, Any]) -> dict[str, Any]:
    return {"cameras": {f"camera:{name}": said for name, said in cameras.items()}}


def reason(here: ControlBench) -> str:
    return here.desired.refused["scenes"].reason


@SEES
async def test_rules_without_a_network_are_refused_with_camera_place_and_what_to_do(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        assert await here.wish(1, devices=DEVICES, scenes=document(yard={"masks": [MASK]}))
        assert not await here.wish(2, scenes=document(yard=PERSON))
        assert reason(here).startswith("scenes: camera:yard: rules: ")
        assert "[vision] objects_model" in reason(here)
        assert here.desired.in_force.versions["scenes"] == 1 and here.desired.known["scenes"] == 2
        assert here.desired.in_force.scenes.cameras["camera:yard"].masks, "what hid before goes on hiding"
        assert await here.wish(3, scenes=document(yard=LINE)), "what asks for no network is taken"
        assert "scenes" not in here.desired.refused


@SEES
async def test_cameras_of_another_gateway_are_its_affair(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        assert await here.wish(1, devices=DEVICES, scenes=document(far=PERSON))


async def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        assert not await here.wish(1, scenes=document(yard={"rules": [{"kind": "person_in_zone", "zone": "yard"}]}))
        assert "camera:yard: rules[0].zone: no zone 'yard'" in reason(here)


@SEES
async def test_what_was_taken_hides_after_a_restart_too_though_the_box_can_do_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with control_bench(tmp_path) as here:
        assert await here.wish(1, devices=DEVICES, scenes=document(yard={"masks": [MASK]}))
    monkeypatch.setattr(wishes, "NEEDED", ("no_such_library",))
    async with control_bench(tmp_path) as again:
        assert again.desired.in_force.scenes.cameras["camera:yard"].masks
        assert not await again.wish(2, scenes=document(yard=LINE))
        assert "this box cannot see: no_such_library" in reason(again)


def own(**scene: Any) -> Vision:
    cameras = {"camera:yard": {"masks": [ROAD], "lookers": {"plates": {"profile": "pip"}, "scene": scene}}}
    return msgspec.convert({"cameras": cameras, "objects_model": "/usual.onnx"}, Vision)


def wished(**said: Any) -> CameraScene:
    return read_scenes(document(yard=said)).cameras["camera:yard"]


def test_masks_of_both_count_and_other_lookers_stay() -> None:
    made = camera_of(own(objects={"model": "/own.onnx"}), "camera:yard", wished(masks=[MASK], **PERSON), "Asia/Urumqi")
    assert len(made.masks) == 2
    assert made.lookers["plates"] == {"profile": "pip"}
    assert made.lookers["scene"]["objects"]["model"] == "/own.onnx"
    assert made.lookers["scene"]["timezone"] == "Asia/Urumqi"
    assert list(made.lookers["scene"]["zones"]) == ["restricted"]


def test_the_centre_without_rules_switches_the_boxs_own_off_and_its_masks_stay() -> None:
    made = camera_of(own(rules=[{"kind": "crowd"}]), "camera:yard", wished(), "UTC")
    assert "scene" not in made.lookers and len(made.masks) == 1


def test_without_a_wish_the_box_goes_by_its_own_word() -> None:
    vision = own(rules=[{"kind": "crowd"}])
    made = camera_of(vision, "camera:yard", None, "UTC")
    assert made.lookers["scene"]["rules"] == [{"kind": "crowd"}]
    assert made.lookers["scene"]["objects"]["model"] == "/usual.onnx"
    assert camera_of(vision, "camera:other", None, "UTC") == Camera()


@SEES
def test_the_network_must_be_there(tmp_path: Path) -> None:
    vision = Vision(objects_model=str(tmp_path / "net.onnx"))
    with pytest.raises(SceneMistake, match=r"camera:yard: rules: the network .*net.onnx is not there"):
        check(vision, {"camera:yard": wished(**PERSON)}, ["camera:yard"])
    (tmp_path / "net.onnx").touch()
    check(vision, {"camera:yard": wished(**PERSON)}, ["camera:yard"])
