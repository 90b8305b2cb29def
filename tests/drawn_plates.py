"""Plates of every class, drawn by us in GA 36's measures, and what a camera makes of them: tilt, noise, night."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from typing import cast

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edge.vision.frames import Picture
from edge.vision.plates.corners import Floats, Found
from simulators.pictures.canvas import font

PROVINCES = "京沪津渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
LETTERS, DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"  # pragma: allowlist secret
GROUND = {
    "blue": (170, 70, 20), "yellow": (20, 170, 225), "green": (120, 200, 100), "white": (235, 235, 235),
    "black": (25, 25, 25),
}  # fmt: skip
_RED = (40, 40, 200)
_GRAIN = np.random.default_rng(3).normal(0, 1, (400, 640, 3)).astype(np.float32)  # every picture takes a part of it
_LIGHT_ON_GREEN = {"green_farm": (70, 95, 10), "green_aviation": (60, 120, 10)}  # white signs; their ground
Glyph = tuple[str, float, float, float, float]  # sign, left, top, width, height in millimetres
Mask = NDArray[np.uint8]
Face = Callable[[str, str, int, int], Mask]  # kind of plate, sign, width, height: how much ink stands where


class Drawn(msgspec.Struct, frozen=True):
    """``found``: where it is in its scene, as a detector that makes no mistake would say."""

    plate: str
    kind: str
    color: str
    scene: Picture
    found: Found


KINDS = (
    "blue", "blue_office", "yellow", "green_small", "green_large", "white_police", "white_army", "white_wj",
    "white_rescue", "black_hk", "black_consul", "black_embassy", "yellow_learner", "yellow_double", "yellow_trailer",
    "green_farm", "green_aviation",
)  # fmt: skip


def text_of(kind: str, rng: random.Random) -> str:
    head = rng.choice(PROVINCES) + rng.choice(LETTERS)
    serial = lambda count: "".join(rng.choice(LETTERS + DIGITS * 3) for _ in range(count))  # noqa: E731
    digits = lambda count: "".join(rng.choice(DIGITS) for _ in range(count))  # noqa: E731
    made = {
        "green_small": lambda: head + rng.choice("DF") + serial(1) + digits(4),
        "green_large": lambda: head + digits(5) + rng.choice("DF"),
        "white_police": lambda: head + serial(4) + "警",
        "white_army": lambda: rng.choice("VKHBSLJNGC") + rng.choice(LETTERS) + digits(5),
        "white_wj": lambda: "WJ" + head[0] + digits(5),
        "white_rescue": lambda: head[0] + "X" + serial(4) + "应急",
        "black_hk": lambda: "粤Z" + serial(4) + rng.choice("港澳"),
        "black_consul": lambda: head + digits(4) + "领",
        "black_embassy": lambda: rng.choice(("使{}", "{}使")).format(digits(6)),
        "blue_office": lambda: head[0] + "O" + serial(5),
        "green_farm": lambda: head[0] + digits(7),
        "green_aviation": lambda: "民航" + serial(5),
        "yellow_learner": lambda: head + serial(4) + "学",
        "yellow_trailer": lambda: head + serial(4) + "挂",
    }
    return made.get(kind, lambda: head + serial(5))()


def book_face(kind: str, sign: str, wide: int, high: int) -> Mask:
    """A book's font, made bold and stretched into its place: no plate's own font is free to have."""
    return _book_glyph(sign, wide if sign not in "1J" else wide * 2 // 3, high)


@lru_cache(maxsize=2_000)
def _book_glyph(sign: str, wide: int, high: int) -> Mask:
    mask = Image.new("L", (260, 260))
    stroke = 3 if sign.isascii() else 1
    ImageDraw.Draw(mask).text((130, 130), sign, 255, font(130), anchor="mm", stroke_width=stroke)
    return np.array(mask.crop(mask.getbbox()).resize((wide, high)))


def drawn(kind: str, rng: random.Random, *, night: bool = False, tilt: float = 0.12, face: Face = book_face) -> Drawn:
    plate = text_of(kind, rng)
    flat = _flat(kind, plate, face)
    scene, corners = placed(flat, rng, tilt)
    rows = 2 if flat.shape[0] > flat.shape[1] * 0.4 else 1
    return Drawn(plate, kind, kind.split("_")[0], shot(scene, rng, night), Found(corners, 0.9, rows))


def clock(text: str, rng: random.Random) -> tuple[Picture, Found]:
    """A camera's burnt-in clock, boxed as if it were a plate."""
    image = Image.new("RGB", (440, 140), tuple(rng.randint(30, 120) for _ in range(3)))
    ImageDraw.Draw(image).text((220, 70), text, (240, 240, 240), font(58), anchor="mm")
    flat = np.array(image)[:, :, ::-1].copy()
    scene, corners = placed(flat, rng, 0.0)
    return shot(scene, rng, night=False), Found(corners, 0.5)


def _flat(kind: str, plate: str, face: Face) -> Picture:
    """The plate from straight before it, a pixel a millimetre."""
    wide, high, glyphs = _layout(kind, plate)
    color = kind.split("_")[0]
    flat = np.empty((high, wide, 3), np.uint8)
    flat[:] = _LIGHT_ON_GREEN.get(kind, GROUND[color])
    if kind == "green_small":
        fade = np.linspace(0.8, 0, high)[:, None, None]
        flat[:] = flat * (1 - fade) + 245 * fade
    if kind == "green_large":
        flat[:, : wide * 27 // 100] = GROUND["yellow"]
    ink = (245, 245, 245) if color in ("blue", "black") or kind in _LIGHT_ON_GREEN else (20, 20, 20)
    for number, (sign, *box) in enumerate(glyphs):
        is_red = sign in "警使领" or (kind == "white_army" and number < 2)
        left, top, across, tall = (round(side) for side in box)
        _ink(flat, face(kind, sign, across, tall), left + across // 2, top, _RED if is_red else ink)
    cv2.rectangle(flat, (3, 3), (wide - 4, high - 4), ink, 2)
    return flat


def _layout(kind: str, plate: str) -> tuple[int, int, list[Glyph]]:
    if kind == "yellow_double":
        upper = [(plate[0], 110.0, 15.0, 80.0, 60.0), (plate[1], 250.0, 15.0, 80.0, 60.0)]
        return 440, 220, [*upper, *((sign, 27.5 + 80 * n, 90.0, 65.0, 110.0) for n, sign in enumerate(plate[2:]))]
    if kind == "green_farm":
        upper = [(sign, x, 15.0, 60.0, 60.0) for sign, x in zip(plate, (90.0, 230.0, 300.0), strict=False)]
        return 440, 220, [*upper, *((sign, 27.5 + 80 * n, 90.0, 65.0, 110.0) for n, sign in enumerate(plate[3:]))]
    if kind in ("green_small", "green_large"):
        places = [15.5, 69.5, *(161.5 + 52 * n for n in range(6))]
        return 480, 140, [(sign, x, 25.0, 43.0, 90.0) for sign, x in zip(plate, places, strict=True)]
    after = 2 if kind != "black_embassy" else 4 if plate[0] == "使" else 3  # 使 with three and three digits
    pitch, gap = (52.0, 0.0) if len(plate) == 8 else (57.0, 22.0)
    return 440, 140, [(s, 15.5 + pitch * n + (gap if n >= after else 0), 25.0, 45.0, 90.0) for n, s in enumerate(plate)]


def _ink(flat: Picture, mask: Mask, middle: int, top: int, ink: tuple[int, int, int]) -> None:
    alpha = mask.astype(np.float32)[:, :, None] / 255
    left = max(0, middle - alpha.shape[1] // 2)
    part = flat[top : top + alpha.shape[0], left : left + alpha.shape[1]]
    part[:] = part * (1 - alpha) + np.array(ink, np.float32) * alpha


def placed(flat: Picture, rng: random.Random, tilt: float) -> tuple[Picture, Floats]:
    """The plate somewhere in a grey scene, seen from the side."""
    high, wide = flat.shape[:2]
    scale = rng.uniform(0.35, 0.8)
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32) * scale + 60
    corners += np.array([[rng.gauss(0, tilt / 3), rng.gauss(0, tilt)] for _ in range(4)], np.float32) * high * scale
    size = (int(wide * scale) + 120, int(high * scale) + 120)
    source = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    ground = cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT)
    mask = cv2.warpPerspective(np.full(flat.shape[:2], 255, np.uint8), matrix, size)
    scene = np.where(mask[:, :, None] > 127, ground, np.uint8(rng.randint(40, 150)))
    return cast(Picture, scene.astype(np.uint8)), corners.astype(np.float32)


def shot(scene: Picture, rng: random.Random, night: bool) -> Picture:
    """Light, blur, noise, JPEG."""
    gain, noise = (rng.uniform(0.22, 0.4), rng.uniform(4, 8)) if night else (rng.uniform(0.7, 1.1), rng.uniform(1, 6))
    high, wide = scene.shape[:2]
    y, x = rng.randint(0, _GRAIN.shape[0] - high), rng.randint(0, _GRAIN.shape[1] - wide)
    grain = _GRAIN[y : y + high, x : x + wide] * np.float32(noise)
    lit = np.clip(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 1.1)) * gain + grain, 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", lit, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(55, 92)])[1]
    return cast(Picture, cv2.imdecode(packed, cv2.IMREAD_COLOR))
