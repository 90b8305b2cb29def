"""What stands between a plate and its pixels: light, shadow, blur, few pixels, grain, JPEG."""

from __future__ import annotations

import math
import random
from typing import cast

import cv2
import numpy as np

from edge.vision.frames import Picture

_GRAIN = np.random.default_rng(5).normal(0, 1, (256, 512, 3)).astype(np.float32)


def spoiled(picture: Picture, rng: random.Random, strength: float = 1.0) -> Picture:
    """The same size again. ``strength``: 0 leaves it nearly as it is."""
    high, wide = picture.shape[:2]
    small = _grainy(_smaller(_blurred(_lit(picture, rng, strength), rng, strength), rng, strength), rng, strength)
    quality = rng.randint(18, 90)
    packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    again = cast(Picture, cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return cast(Picture, cv2.resize(again, (wide, high), interpolation=rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC))))


def _lit(picture: Picture, rng: random.Random, strength: float) -> Picture:
    """Exposure, contrast, tint; sometimes night, glare, or a shadow over a part."""
    steps = np.linspace(0, 1, 256, dtype=np.float32)
    gain = math.exp(rng.gauss(-0.1, 0.3 * strength)) * _rare_light(rng, strength)
    contrast, lift = 1 - max(0.0, rng.gauss(0, 0.2 * strength)), max(0.0, rng.gauss(0, 0.1 * strength))
    curve = ((steps ** math.exp(rng.gauss(0, 0.35 * strength)) - 0.5) * contrast + 0.5 + lift) * gain * 255
    tints = [math.exp(rng.gauss(0, 0.07 * strength)) for _ in range(3)]
    table = np.stack([np.clip(curve * tint, 0, 255) for tint in tints], axis=-1).astype(np.uint8)[:, None, :]
    lit = cv2.LUT(picture, table)
    return _shadowed(cast(Picture, lit), rng) if rng.random() < 0.15 * strength else cast(Picture, lit)


def _rare_light(rng: random.Random, strength: float) -> float:
    what = rng.random()
    if what < 0.08 * strength:
        return rng.uniform(0.15, 0.5)
    return rng.uniform(1.2, 1.7) if what < 0.13 * strength else 1.0


def _shadowed(picture: Picture, rng: random.Random) -> Picture:
    high, wide = picture.shape[:2]
    mask = np.zeros((high, wide), np.uint8)
    upper, lower = (round(rng.uniform(-0.3, 1.3) * wide) for _ in "ab")
    cv2.fillPoly(mask, [np.array([[0, 0], [upper, 0], [lower, high], [0, high]], np.int32)], 255)
    share = cv2.blur(mask, (9, 9)).astype(np.float32)[:, :, None] / 255
    return np.clip(picture * (1 + (rng.uniform(0.35, 0.8) - 1) * share), 0, 255).astype(np.uint8)


def _blurred(picture: Picture, rng: random.Random, strength: float) -> Picture:
    what = rng.random()
    if what < 0.25 * strength:
        return cast(Picture, cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.0)))
    if what > 0.17 * strength + 0.25 * strength:
        return picture
    side = rng.randint(3, 9)
    way, middle, kernel = rng.gauss(0, 0.3), (side - 1) / 2, np.zeros((side, side), np.float32)
    dx, dy = middle * math.cos(way), middle * math.sin(way)
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0)
    return cast(Picture, cv2.filter2D(picture, -1, kernel / kernel.sum()))


def _smaller(picture: Picture, rng: random.Random, strength: float) -> Picture:
    """As few pixels as a car far away has."""
    if rng.random() > 0.7 * strength:
        return picture
    high, wide = picture.shape[:2]
    share = math.exp(rng.uniform(math.log(0.26), 0))
    size = (max(36, round(wide * share * math.exp(rng.gauss(0, 0.15)))), max(11, round(high * share)))
    return cast(Picture, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _grainy(picture: Picture, rng: random.Random, strength: float) -> Picture:
    if rng.random() > 0.5 * strength:
        return picture
    high, wide = picture.shape[:2]
    y, x = rng.randint(0, _GRAIN.shape[0] - high), rng.randint(0, max(0, _GRAIN.shape[1] - wide))
    grain = _GRAIN[y : y + high, x : x + wide] * rng.uniform(1, 14)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)
