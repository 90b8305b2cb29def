"""What the centre wishes of cameras: read with errors that say where, and put over what the box says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.desired import BadDesired, read_body
from domain.scenes import settings
from domain.scenes.wishes import CameraScene, Scenes, over

YARD = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]
RULE = {"kind": "person_in_zone", "zone": "yard"}


def read(**said: Any) -> CameraScene:
    found = read_body("scenes", {"cameras": {"camera:a": said}})
    assert isinstance(found, Scenes)
    return found.cameras["camera:a"]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"rules": [RULE]}, r"camera:a: rules\[0\]\.zone: no zone 'yard'"),
        ({"zones": {"yard": YARD}, "rules": [RULE, {"kind": "crowds"}]}, r"camera:a: rules\[1\]\.kind: no rule"),
        ({"rules": [{"kind": "crowd", "persons": 1}]}, r"camera:a: rules\[0\]: .*persons"),
        ({"rules": [{"kind": "crowd", "hours": ["9-"]}]}, r"camera:a: rules\[0\]: `hours`: '9-'"),
        ({"masks": [YARD, [[0, 0], [0.1, 0.1], [0.2, 0.2]]]}, r"camera:a: masks\[1\]: it encloses nothing"),
        ({"zones": {"yard": [[2, 0], [0, 0], [1, 1]]}}, r"camera:a: .*<= 1.0"),
        ({"motion": {"smalest": 1}}, r"camera:a: .*smalest"),
        ({"objects": {"model": "/etc/passwd"}}, r"camera:a: objects.model: .*edge.toml"),
        ({"timezone": "Asia/Shanghai"}, r"camera:a: .*timezone"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(said: dict[str, Any], where: str) -> None:
    with pytest.raises(BadDesired, match=f"^scenes: {where}"):
        read(**said)


def test_zones_lines_and_rules_are_the_centres_alone_and_the_rest_is_put_over() -> None:
    own = {
        "timezone": "Asia/Urumqi",
        "objects": {"model": "m.onnx", "looks_per_s": 2},
        "zones": {"old": YARD},
        "lines": {"gate": [[0, 0], [1, 1]]},
        "rules": [{"kind": "crowd"}],
    }
    said = over(own, read(zones={"yard": YARD}, rules=[RULE], objects={"looks_per_s": 1}))
    assert said["timezone"] == "Asia/Urumqi"
    assert said["objects"] == {"model": "m.onnx", "looks_per_s": 1}
    assert list(said["zones"]) == ["yard"] and said["lines"] == {} and list(said["rules"]) == [RULE]
    settings.rules(settings.read(said))


def test_without_rules_nothing_is_told() -> None:
    assert over({"rules": [{"kind": "crowd"}], "objects": {"model": "m"}}, CameraScene()) == {}


def test_whether_a_network_is_needed_is_said_by_the_rules() -> None:
    assert read(rules=[{"kind": "crowd"}]).needs_a_network
    assert not read(lines={"a": [[0, 0], [1, 1]]}, rules=[{"kind": "motion_line", "line": "a"}]).needs_a_network


@given(st.dictionaries(st.sampled_from(["model", "looks_per_s", "floor"]), st.integers()), st.booleans())
def test_nothing_the_centre_says_names_a_file_of_the_box(own: dict[str, Any], is_said: bool) -> None:
    wished = CameraScene(rules=({"kind": "crowd"},), objects={"floor": 0.4} if is_said else {})
    assert over({"objects": own}, wished)["objects"].get("model") == own.get("model")


def test_what_is_read_says_the_same_again() -> None:
    camera = read(masks=[YARD], zones={"yard": YARD}, rules=[RULE])
    assert msgspec.convert(msgspec.to_builtins(camera), CameraScene) == camera
