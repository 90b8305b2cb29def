"""The drawn pictures are JPEGs a camera could have sent, with the plate in its colour and Chinese glyphs in them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from datetime import datetime

import pytest
from PIL import Image

from simulators import pictures
from simulators.pictures import canvas
from simulators.pictures.plate import draw_plate

AT = datetime(2026, 3, 1, 23, 15, 30)
SCENES: dict[str, Callable[[], bytes]] = {
    "gate": lambda: pictures.gate_scene("东门入口", AT, "粤B8K6Q2", "blue", 2),
    "gate at night": lambda: pictures.gate_scene("东门出口", AT, "粤BD12345", "green", 3, night=True),
    "gate, no plate": lambda: pictures.gate_scene("东门出口", AT, None),
    "yard": lambda: pictures.yard_scene("中心花园", AT),
    "door forced": lambda: pictures.door_scene("1号楼大厅", AT, "1号楼单元门"),
    "door": lambda: pictures.door_scene("1号楼大厅", AT, "1号楼单元门", forced=False),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_a_jpeg_of_a_camera_s_size(name: str) -> None:
    body = SCENES[name]()
    picture = Image.open(io.BytesIO(body))
    assert (picture.format, picture.size) == ("JPEG", (960, 540))
    assert len(body) <= pictures.MAX_JPEG_BYTES


def test_the_same_scene_is_the_same_picture_and_another_is_not() -> None:
    assert SCENES["yard"]() == SCENES["yard"]()
    assert pictures.gate_scene("东门入口", AT, "粤B8K6Q2") != pictures.gate_scene("东门入口", AT, "粤B8K6Q3")
    assert pictures.yard_scene("中心花园", AT) != pictures.yard_scene("中心花园", AT.replace(second=31))


@pytest.mark.parametrize(
    ("text", "color", "ground"),
    [("粤B8K6Q2", "blue", "blue"), ("粤BD12345", "green", "green"), ("粤B12345", "yellow", "yellow")],
)
def test_a_plate_has_its_colour(text: str, color: str, ground: str) -> None:
    picture = draw_plate(text, color)
    red, green, blue = picture.getpixel((picture.width // 2, picture.height - 12))  # below the characters
    strongest = {"blue": blue > red and blue > green, "green": green > red and green > blue, "yellow": red > 2 * blue}
    assert strongest[ground]


def test_an_eight_character_plate_is_wider() -> None:
    assert draw_plate("粤BD12345", "green").width > draw_plate("粤B8K6Q2", "blue").width


def test_a_close_up_is_small() -> None:
    assert len(pictures.plate_close_up("粤B8K6Q2")) < 25_000


def test_a_missing_font_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cvttf_NotoSansCJK_Regular", None)
    canvas.font.cache_clear()
    with pytest.raises(pictures.FontMissing, match="pip install cvttf"):
        canvas.font(12)
