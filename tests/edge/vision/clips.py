"""Pictures for tests: drawn, disturbed, or read from the sample clips where those are at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from domain.scenes.geometry import Box
from edge.vision.frames import Frame, Picture

ROOT = Path(__file__).parents[4] / "shared"
YOLOX = ROOT / "models" / "yolox_nano.onnx"
NOON = datetime(2026, 11, 27, 4, tzinfo=UTC)  # 12:00 in Shanghai
FPS = 5.0
WIDTH, HEIGHT = 320, 180
_GRAINS = 64  # none comes again within twelve seconds
Disturb = Callable[[Picture, int], Picture]


def clip(name: str) -> Path:
    """A sample clip; the test is skipped where there is none."""
    return needed(ROOT / "fixtures" / "video" / name)


def needed(path: Path) -> Path:
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand: it is not part of this repository")
    return path


def frame(number: int, picture: Picture, *, seconds: float | None = None, start: datetime = NOON) -> Frame:
    """At five pictures a second, unless another time is given."""
    at_s = number / FPS if seconds is None else seconds
    luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    return Frame(number, at_s, start + timedelta(seconds=at_s), luma, lambda: picture)


def read(path: Path, fps: float = FPS, first: int = 0, last: int = 1_000_000) -> Iterator[Frame]:
    """Some frames of a clip, by their numbers in it; ``fps`` of them a second."""
    for number, seconds, taken in _decoded(path, first, last, fps):
        luma = taken.to_ndarray(format="gray")
        colours = lambda taken=taken: np.asarray(taken.to_ndarray(format="bgr24"), np.uint8)  # noqa: E731
        yield Frame(number, seconds, NOON + timedelta(seconds=seconds), luma, colours)


def _decoded(path: Path, first: int, last: int, fps: float) -> Iterator[tuple[int, float, av.VideoFrame]]:
    last_s = float("-inf")
    with av.open(str(path)) as container:
        for number, taken in enumerate(container.decode(video=0)):
            seconds = float(taken.time or 0.0)
            if number >= last:
                return
            if number >= first and seconds - last_s >= 1 / fps - 1e-3:
                last_s = seconds
                yield number, seconds, taken


def room(seed: int = 7) -> Picture:
    """A place without anybody: large soft patches, fine grain, a few hard edges."""
    chance = np.random.default_rng(seed)
    patches = cv2.resize(chance.integers(70, 170, (9, 16, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(patches, (30, 20), (80, 100), (60, 70, 80), -1)
    cv2.line(patches, (0, 150), (WIDTH, 130), (190, 190, 190), 2)
    return np.asarray(np.clip(patches + chance.normal(0, 4, patches.shape), 0, 255), np.uint8)


def noisy(picture: Picture, number: int) -> Picture:
    """What a cheap sensor adds, each time anew."""
    grain = _grain(number % _GRAINS, picture.shape[:2])
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


@cache
def _grain(number: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.random.default_rng(number).normal(0, 2, shape).astype(np.float32)[..., np.newaxis]


def with_box(picture: Picture, box: Box, grey: int = 230) -> Picture:
    """Something in one colour, striped, so that it is no light."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    left, top, right, bottom = (round(share * size) for share, size in zip(box, (width, height) * 2, strict=True))
    drawn[max(0, top) : bottom, max(0, left) : right] = grey
    drawn[max(0, top) : bottom : 8, max(0, left) : right] = 20
    return drawn


def lamp(picture: Picture, number: int) -> Picture:
    """Switched off and on every four seconds."""
    return np.asarray(np.clip(picture * (1.0 if number // 20 % 2 else 0.55), 0, 255), np.uint8)


def half_lamp(picture: Picture, number: int) -> Picture:
    """A lamp that lights the left half, its light soft at the edge."""
    if number // 20 % 2:
        return picture
    falling = 1 + 0.6 / (1 + np.exp((np.arange(picture.shape[1]) - picture.shape[1] * 0.45) / 15))
    return np.asarray(np.clip(picture * falling[np.newaxis, :, np.newaxis], 0, 255), np.uint8)


def rain(picture: Picture, number: int, drops: int = 120) -> Picture:
    """Bright streaks, each picture elsewhere."""
    if number < 0:
        return picture
    chance, wet = np.random.default_rng(number), picture.copy()
    height, width = picture.shape[:2]
    for x, y in zip(chance.integers(0, width, drops), chance.integers(0, height, drops), strict=True):
        cv2.line(wet, (int(x), int(y)), (int(x) + 2, int(y) + height // 22), (215, 215, 215), 1)
    return np.asarray(cv2.addWeighted(picture, 0.3, wet, 0.7, 0), np.uint8)


def tree(picture: Picture, number: int) -> Picture:
    """Leaves over the upper right that sway to and fro by up to a hundredth of the width."""
    height, width = picture.shape[:2]
    leaves = np.random.default_rng(3).integers(20, 200, (height // 20, width // 24), np.uint8)
    big = cv2.resize(leaves, (width // 3, height // 2), interpolation=cv2.INTER_NEAREST)
    sway = 0 if number < 0 else round(width / 100 * np.sin(number * 1.9) + width / 200 * np.sin(number * 0.7))
    moved = picture.copy()
    left = width * 3 // 5 + sway
    moved[: height // 2, left : left + width // 3] = big[..., np.newaxis]
    return moved


def disturbed(pictures: Iterable[Picture], disturb: Disturb, calm: int = 0) -> Iterator[Frame]:
    """With its disturbance from the picture of that number on; those before it have numbers below zero."""
    for number, picture in enumerate(pictures):
        yield frame(number, disturb(picture, number - calm))


CALM_PICTURES = 20
DISTURBANCES: dict[str, Disturb] = {"lamp": lamp, "lamp of half the picture": half_lamp, "rain": rain, "tree": tree}
