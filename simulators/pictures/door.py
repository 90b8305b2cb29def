"""The entrance of a house from inside its lobby, with a person at the door, prying it or walking through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from simulators.pictures.canvas import HEIGHT, WIDTH, Canvas, Color
from simulators.pictures.person import PRYING, WALKING, Clothes, draw_detection, draw_person

_FLOOR = 392


def door_scene(camera: str, at: datetime, label: str, forced: bool = True, score: float = 0.9) -> bytes:
    """JPEG of a person at the door whose sign says ``label``; ``forced``: with a bar. ``at`` is shown as given."""
    canvas = Canvas()
    _lobby(canvas)
    _doorway(canvas, label, ajar=forced)
    feet = (388.0, 470.0) if forced else (500.0, 470.0)
    canvas.shade(
        [(feet[0] - 70, 462), (feet[0] + 70, 462), (feet[0] + 90, 484), (feet[0] - 90, 484)], (0, 0, 0, 120), 8
    )
    draw_person(canvas, feet, 300, PRYING if forced else WALKING, Clothes(jacket=(46, 52, 66), trousers=(60, 66, 84)))
    if forced:
        _bar(canvas, feet)
    draw_detection(canvas, (feet[0] - 84, 162, feet[0] + 122, 486), f"person {score:.0%}")
    canvas.grain(0.16)
    canvas.stamp(camera, at)
    return canvas.jpeg()


def _lobby(canvas: Canvas) -> None:
    canvas.gradient((0, 0, WIDTH, _FLOOR), (206, 204, 196), (178, 174, 164))
    canvas.rectangle((0, _FLOOR - 96, WIDTH, _FLOOR), (150, 142, 128))
    canvas.line([(0, _FLOOR - 96), (WIDTH, _FLOOR - 96)], (126, 118, 104), 3)
    canvas.gradient((0, _FLOOR, WIDTH, HEIGHT), (150, 148, 144), (112, 110, 108))
    for x in range(-600, WIDTH + 700, 130):
        canvas.line([(480 + (x - 480) * 0.55, _FLOOR), (x, HEIGHT)], (132, 130, 126), 1.5)
    for y in (412, 444, 492):
        canvas.line([(0, y), (WIDTH, y)], (132, 130, 126), 1.5)
    _letter_boxes(canvas)
    canvas.rectangle((800, 132, 900, 262), (244, 242, 232), 3, outline=(120, 100, 60), line=3)
    canvas.text((850, 152), "通 知", 17, (150, 30, 26), bold=0.4, anchor="mm")
    for row in range(6):
        canvas.line([(814, 174 + row * 14), (886 - row % 3 * 16, 174 + row * 14)], (150, 150, 146), 2)
    canvas.glow((480, -30), 460, (255, 250, 228), 0.5, flat=0.6)


def _letter_boxes(canvas: Canvas) -> None:
    canvas.rectangle((58, 142, 222, 292), (92, 104, 114), 3)
    for row in range(4):
        for column in range(4):
            left, top = 64 + column * 39.5, 148 + row * 36
            canvas.rectangle((left, top, left + 35, top + 31), (140, 152, 160), 2)
            canvas.line([(left + 7, top + 9), (left + 28, top + 9)], (66, 76, 84), 2.5)
            canvas.ellipse((left + 26, top + 19, left + 31, top + 24), (70, 74, 78))


def _doorway(canvas: Canvas, label: str, ajar: bool) -> None:
    canvas.rectangle((352, 70, 668, _FLOOR), (66, 68, 72))
    canvas.gradient((366, 84, 654, _FLOOR), (24, 32, 52), (42, 50, 64))  # the night outside
    canvas.glow((590, 180), 90, (255, 214, 140), 0.6)
    right_leaf = [(514, 84), (654, 84), (654, _FLOOR), (514, _FLOOR)]
    left_leaf = (
        [(366, 84), (486, 100), (486, _FLOOR + 20), (366, _FLOOR)]
        if ajar
        else [(366, 84), (510, 84), (510, _FLOOR), (366, _FLOOR)]
    )
    for leaf in (left_leaf, right_leaf):
        _leaf(canvas, leaf)
    canvas.rectangle((440, 26, 580, 58), (24, 84, 60), 4)
    canvas.text((510, 42), label, 19, (238, 246, 240), bold=0.3, anchor="mm")
    canvas.rectangle((690, 214, 722, 268), (38, 40, 44), 5)  # the card reader
    light: Color = (236, 62, 48) if ajar else (70, 220, 110)
    canvas.ellipse((701, 222, 711, 232), light)
    canvas.rectangle((698, 240, 714, 258), (74, 78, 84), 2)
    if ajar:
        canvas.glow((706, 227), 40, light, 0.8)


def _leaf(canvas: Canvas, corners: Sequence[tuple[float, float]]) -> None:
    (left, top), (right, right_top), (_, right_bottom), (_, bottom) = corners
    canvas.polygon(corners, (104, 110, 116, 235))
    inset = 16
    canvas.polygon(
        [
            (left + inset, top + 20),
            (right - inset, right_top + 20),
            (right - inset, right_bottom - 90),
            (left + inset, bottom - 90),
        ],
        (60, 78, 96, 235),
    )
    canvas.polygon(
        [(left + inset, top + 20), (left + inset + 40, top + 22), (left + inset, bottom - 190)], (255, 255, 255, 36)
    )
    handle = right - 9 if left < 500 else left + 9
    canvas.line([(handle, 228), (handle, 292)], (210, 214, 218), 6)


def _bar(canvas: Canvas, feet: tuple[float, float]) -> None:
    x, y = feet
    canvas.limb([(x + 78, y - 104), (x + 96, y - 186), (x + 104, y - 232)], (38, 40, 44), 7)
    canvas.limb([(x + 104, y - 232), (x + 118, y - 238)], (38, 40, 44), 6)
