"""The garden between the houses at night, under a lamp, with a person on the path."""

from __future__ import annotations

from datetime import datetime

from simulators.pictures.canvas import HEIGHT, WIDTH, Canvas, Color
from simulators.pictures.person import WALKING, Clothes, draw_detection, draw_person

_HORIZON = 250
_LAMP = (302, 118)


def yard_scene(camera: str, at: datetime, x: float = 520, score: float = 0.87) -> bytes:
    """JPEG of a person ``x`` pixels from the left, framed with the recorder's ``score``. ``at`` is shown as given."""
    canvas = Canvas()
    _houses(canvas)
    _garden(canvas)
    feet, height = (min(max(x, 120), WIDTH - 120), 452), 226
    canvas.shade(
        [(feet[0] - 20, 440), (feet[0] + 30, 440), (feet[0] + 150, 474), (feet[0] + 90, 482)], (0, 0, 0, 170), 6
    )
    draw_person(canvas, feet, height, WALKING, Clothes(jacket=(104, 108, 122), trousers=(58, 62, 76), light=1.15))
    _lamp(canvas)
    canvas.grain(0.45)
    draw_detection(canvas, (feet[0] - 62, 206, feet[0] + 66, 466), f"person {score:.0%}")
    canvas.stamp(camera, at)
    return canvas.jpeg()


def _houses(canvas: Canvas) -> None:
    canvas.gradient((0, 0, WIDTH, _HORIZON), (8, 12, 26), (28, 34, 54))
    for left, top, right, seed in ((-20, 30, 210, 1), (380, 62, 566, 4), (700, 14, 990, 7)):
        canvas.rectangle((left, top, right, _HORIZON + 8), (26, 30, 42))
        canvas.rectangle((right - 34, top, right, _HORIZON + 8), (20, 23, 33))
        _windows(canvas, left, top, right, seed)


def _windows(canvas: Canvas, left: int, top: int, right: int, seed: int) -> None:
    for row, y in enumerate(range(top + 14, _HORIZON - 26, 32)):
        for column, x in enumerate(range(left + 16, right - 56, 40)):
            lit = (row * 5 + column * 3 + seed) % 7 == 0
            pane: Color = (238, 196, 118) if lit else (16, 19, 29)
            canvas.rectangle((x, y, x + 22, y + 17), pane)
            canvas.line([(x + 11, y), (x + 11, y + 17)], (12, 14, 20), 1)


def _garden(canvas: Canvas) -> None:
    canvas.gradient((0, _HORIZON, WIDTH, HEIGHT), (26, 40, 34), (14, 22, 20))
    for x in range(-30, WIDTH, 52):
        canvas.ellipse((x, _HORIZON - 22, x + 84, _HORIZON + 30), (18, 31, 26))
    canvas.polygon([(404, _HORIZON + 12), (470, _HORIZON + 12), (800, HEIGHT), (250, HEIGHT)], (64, 66, 70))
    for step in range(1, 7):
        y = _HORIZON + 12 + step * step * 7.2
        canvas.line([(404 - step * step * 3.9, y), (470 + step * step * 8.4, y)], (50, 52, 56), 1.5)
    for x, y, size in ((96, 300, 74), (842, 316, 92), (716, 268, 54)):
        _tree(canvas, x, y, size)
    canvas.rectangle((92, 430, 236, 442), (74, 58, 42), 3)
    canvas.rectangle((92, 402, 236, 412), (70, 54, 40), 3)
    for x in (106, 218):
        canvas.line([(x, 402), (x, 470)], (36, 36, 40), 6)


def _tree(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.line([(x, y), (x, y + size * 1.1)], (34, 27, 22), size * 0.13)
    for dx, dy, part in ((0, -0.5, 0.8), (-0.45, -0.15, 0.62), (0.45, -0.12, 0.64), (0, 0.05, 0.7)):
        cx, cy, radius = x + dx * size, y + dy * size, part * size * 0.62
        canvas.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), (20, 38 + round(12 * part), 28))


def _lamp(canvas: Canvas) -> None:
    x, y = _LAMP
    canvas.line([(x, y), (x, 420)], (22, 24, 28), 6)
    canvas.polygon([(x - 20, y), (x + 20, y), (x + 12, y - 15), (x - 12, y - 15)], (30, 32, 36))
    canvas.ellipse((x - 13, y - 5, x + 13, y + 9), (255, 246, 214))
    canvas.shade([(x - 12, y + 6), (x + 12, y + 6), (x + 250, 470), (x - 190, 470)], (255, 226, 160, 44), 22)
    canvas.glow((x, y + 3), 130, (255, 222, 150), 0.75)
    canvas.glow((x + 60, 452), 360, (214, 180, 116), 0.42, flat=0.32)
