"""A car at the gate of a complex, seen by the lane's plate camera: kerbs, hedge, gate house, barrier arm, the car."""

from __future__ import annotations

from datetime import datetime

from simulators.pictures.canvas import HEIGHT, WIDTH, Canvas, Color
from simulators.pictures.plate import draw_plate

PAINTS: tuple[Color, ...] = ((196, 200, 206), (60, 64, 72), (150, 28, 32), (34, 66, 110), (232, 232, 228), (98, 84, 66))
_HORIZON = 214
_MIDDLE = 500


def gate_scene(
    camera: str, at: datetime, text: str | None, color: str = "blue", paint: int = 0, night: bool = False
) -> bytes:
    """JPEG of a car with this plate (None: a car without one) before a raised arm. ``at`` is shown as it is given."""
    canvas = Canvas()
    _surroundings(canvas, night)
    _gate_house(canvas, night)
    _barrier(canvas)
    _car(canvas, PAINTS[paint % len(PAINTS)], text, color, night)
    if night:
        canvas.grain(0.3)
    canvas.stamp(camera, at)
    return canvas.jpeg()


def _surroundings(canvas: Canvas, night: bool) -> None:
    sky = ((14, 20, 38), (44, 50, 70)) if night else ((126, 170, 214), (220, 232, 240))
    canvas.gradient((0, 0, WIDTH, _HORIZON), *sky)
    for left, top, width, storeys in ((40, 40, 150, 7), (205, 76, 120, 5), (640, 52, 130, 6), (788, 22, 150, 8)):
        _building(canvas, left, top, width, storeys, night)
    hedge: Color = (20, 42, 28) if night else (64, 112, 62)
    for x in range(-20, WIDTH, 34):
        canvas.ellipse((x, _HORIZON - 34, x + 62, _HORIZON + 22), hedge)
    ground = ((40, 42, 48), (26, 27, 31)) if night else ((148, 150, 152), (104, 106, 110))
    canvas.gradient((0, _HORIZON, WIDTH, HEIGHT), *ground)
    kerb: Color = (90, 92, 96) if night else (196, 196, 190)
    canvas.polygon([(0, _HORIZON), (330, _HORIZON), (0, 430)], (34, 54, 40) if night else (112, 146, 96))
    canvas.polygon([(330, _HORIZON), (344, _HORIZON), (0, 452), (0, 430)], kerb)
    canvas.polygon([(WIDTH, _HORIZON), (668, _HORIZON), (WIDTH, 430)], (34, 54, 40) if night else (112, 146, 96))
    canvas.polygon([(668, _HORIZON), (654, _HORIZON), (WIDTH, 452), (WIDTH, 430)], kerb)
    line: Color = (200, 200, 190, 120) if night else (244, 244, 238, 200)
    canvas.polygon([(392, _HORIZON), (397, _HORIZON), (178, HEIGHT), (160, HEIGHT)], line)
    canvas.polygon([(603, _HORIZON), (608, _HORIZON), (842, HEIGHT), (824, HEIGHT)], line)


def _building(canvas: Canvas, left: float, top: float, width: float, storeys: int, night: bool) -> None:
    wall: Color = (38, 42, 58) if night else (206, 198, 184)
    shade: Color = (30, 34, 48) if night else (186, 178, 164)
    canvas.rectangle((left, top, left + width, _HORIZON), wall)
    canvas.rectangle((left + width * 0.8, top, left + width, _HORIZON), shade)
    floor = (_HORIZON - top) / storeys
    for storey in range(storeys):
        for column in range(5):
            lit = (storey * 3 + column * 5 + int(left)) % 4 == 0
            pane: Color = ((246, 214, 140) if lit else (24, 28, 42)) if night else (126, 150, 172)
            x, y = left + 10 + column * (width - 16) / 5, top + 7 + storey * floor
            canvas.rectangle((x, y, x + width / 9, y + floor * 0.55), pane)


def _gate_house(canvas: Canvas, night: bool) -> None:
    wall: Color = (78, 76, 78) if night else (222, 214, 200)
    canvas.rectangle((742, 128, 888, 330), wall)
    canvas.polygon([(724, 132), (906, 132), (888, 108), (742, 108)], (92, 40, 34) if night else (158, 74, 58))
    canvas.rectangle((760, 162, 870, 236), (250, 222, 150) if night else (120, 156, 176), outline=(70, 74, 80), line=3)
    canvas.line([(815, 162), (815, 236)], (70, 74, 80), 3)
    canvas.rectangle((752, 262, 878, 292), (28, 72, 132), 3)
    canvas.text((815, 277), "业主自管 · 来访登记", 13, (240, 244, 250), anchor="mm")
    if night:
        canvas.glow((815, 200), 190, (255, 214, 140), 0.5)


def _barrier(canvas: Canvas) -> None:
    canvas.rectangle((688, 262, 726, 392), (232, 150, 34), 6)
    canvas.rectangle((694, 274, 720, 296), (40, 42, 46), 3)
    canvas.ellipse((701, 279, 713, 291), (70, 220, 110))
    start, end, parts = (706, 272), (592, 40), 8
    for part in range(parts):
        low, high = part / parts, (part + 1) / parts
        points = [(start[0] + (end[0] - start[0]) * k, start[1] + (end[1] - start[1]) * k) for k in (low, high)]
        canvas.line(points, (208, 44, 40) if part % 2 else (245, 245, 240), 9)


def _car(canvas: Canvas, paint: Color, text: str | None, color: str, night: bool) -> None:
    body = _dimmed(paint, 0.55 if night else 1.0)
    dark, light = _dimmed(body, 0.62), _dimmed(body, 1.22)
    x = _MIDDLE
    canvas.shade([(x - 235, 470), (x + 235, 470), (x + 262, 516), (x - 262, 516)], (0, 0, 0, 170), 9)
    for side in (-1, 1):
        canvas.rectangle(_box(x, side, 168, 226, 424, 506), (22, 22, 24), 10)
    canvas.polygon([(x - 150, 206), (x + 150, 206), (x + 204, 322), (x - 204, 322)], body)
    canvas.polygon(
        [(x - 138, 216), (x + 138, 216), (x + 184, 312), (x - 184, 312)], (28, 36, 46) if night else (58, 74, 88)
    )
    canvas.polygon([(x - 128, 216), (x - 20, 216), (x - 92, 312), (x - 176, 312)], (255, 255, 255, 22))
    canvas.line([(x - 40, 312), (x + 40, 306)], (18, 20, 22), 3)
    for side in (-1, 1):
        canvas.ellipse(_box(x, side, 196, 246, 288, 320), dark)
    canvas.polygon([(x - 206, 318), (x + 206, 318), (x + 236, 388), (x - 236, 388)], light)
    canvas.line([(x - 120, 320), (x - 150, 386)], dark, 2)
    canvas.line([(x + 120, 320), (x + 150, 386)], dark, 2)
    canvas.rectangle((x - 242, 376, x + 242, 478), body, 24)
    canvas.rectangle((x - 232, 452, x + 232, 488), dark, 14)
    _lamps_and_grille(canvas, night)
    _number_plate(canvas, text, color)


def _lamps_and_grille(canvas: Canvas, night: bool) -> None:
    x = _MIDDLE
    canvas.rectangle((x - 104, 384, x + 104, 412), (24, 26, 30), 9)
    for bar in (392, 400):
        canvas.line([(x - 98, bar), (x + 98, bar)], (96, 100, 106), 1.5)
    canvas.ellipse((x - 13, 385, x + 13, 411), (176, 180, 186))
    canvas.ellipse((x - 8, 390, x + 8, 406), (60, 64, 72))
    for side in (-1, 1):
        canvas.rectangle(_box(x, side, 128, 228, 382, 414), (210, 218, 226), 13, outline=(60, 64, 70), line=2)
        canvas.ellipse(_box(x, side, 168, 198, 384, 412), (255, 255, 250))
        canvas.rectangle(_box(x, side, 176, 222, 456, 470), (230, 170, 80), 5)
        if night:
            canvas.glow((x + side * 183, 398), 120, (255, 246, 220), 0.85)


def _number_plate(canvas: Canvas, text: str | None, color: str) -> None:
    if text is None:
        canvas.rectangle((_MIDDLE - 84, 422, _MIDDLE + 84, 474), (34, 35, 38), 4)  # the empty frame
        return
    plate = draw_plate(text, color)
    height = 58
    half = height * plate.width / plate.height / 2
    canvas.rectangle((_MIDDLE - half - 5, 417, _MIDDLE + half + 5, 427 + height), (26, 27, 30), 4)
    left, right = _MIDDLE - half, _MIDDLE + half
    canvas.place(plate, [(left, 422), (left, 422 + height), (right, 422 + height), (right, 422)])


def _box(x: float, side: int, near: float, far: float, top: float, bottom: float) -> tuple[float, float, float, float]:
    left, right = sorted((x + side * near, x + side * far))
    return (left, top, right, bottom)


def _dimmed(color: Color, factor: float) -> Color:
    red, green, blue = (min(255, round(part * factor)) for part in color[:3])
    return (red, green, blue)
