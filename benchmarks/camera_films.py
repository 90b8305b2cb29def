"""Films for cameras, encoded once and kept: a yard with people and without, a lane with cars that have plates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from edge.vision.frames import Picture
from tests.drawn_plates import drawn
from tests.rtsp import film

FPS = 15
SUB, MAIN = (640, 360), (1_920, 1_080)
_ROOT = Path(__file__).parents[1]
_KEPT = _ROOT / ".venvs" / "films-1"  # the number is another when what is drawn is another
_WALKERS = _ROOT.parent / "shared" / "fixtures" / "video" / "vtest.avi"
_SEGMENT_S, _SUB_BITS, _MAIN_BITS = 20, 500_000, 3_000_000
_KINDS = ("blue", "green_small")


def yards(camera: int) -> list[Path]:
    """For one of many cameras: people a third of the time, at another time than at its neighbours."""
    segments = [_kept("busy", _busy(), SUB, _SUB_BITS), *[_kept("empty", _empty(), SUB, _SUB_BITS)] * 2]
    turn = camera % len(segments)
    return segments[turn:] + segments[:turn]


def lanes(camera: int) -> list[Path]:
    """A car half of the time, each with a plate of its own."""
    empty = _kept("lane", _lane(""), MAIN, _MAIN_BITS)
    cars = [_kept(f"lane-{kind}", _lane(kind), MAIN, _MAIN_BITS) for kind in _KINDS]
    order = [empty, cars[0], empty, cars[1]]
    return order[camera % 2 :] + order[: camera % 2]


def people_are_real() -> bool:
    return _WALKERS.is_file()


def _kept(name: str, shown: Iterator[Picture], size: tuple[int, int], bits: int) -> Path:
    path = _KEPT / f"{name}-{size[1]}.h264"
    if not path.is_file():
        _KEPT.mkdir(parents=True, exist_ok=True)
        film(path.with_suffix(".new"), shown, FPS, 2 * FPS, bits).rename(path)
    return path


def _busy() -> Iterator[Picture]:
    frames = _walkers() if people_are_real() else _drawn_walkers()
    for number, picture in enumerate(frames):
        yield _clock(picture, number / FPS)


def _empty() -> Iterator[Picture]:
    """The same yard when nobody is in it: of many pictures the middle."""
    some = list(_walkers())[::12] if people_are_real() else [_ground(SUB)]
    still = np.median(np.stack(some), axis=0)
    for number in range(_SEGMENT_S * FPS):
        yield _clock(_noisy(still, number), number / FPS)


def _walkers() -> Iterator[Picture]:
    """At their own pace: it is a film of ten pictures a second."""
    with av.open(str(_WALKERS)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= _SEGMENT_S * 10:
                return
            width, height = SUB
            whole = cv2.resize(frame.to_ndarray(format="bgr24"), (width, width * frame.height // frame.width))
            top = (whole.shape[0] - height) // 2
            for _ in range(1 + number % 2):
                yield np.asarray(whole[top : top + height], np.uint8)


def _drawn_walkers() -> Iterator[Picture]:
    """Without the clip: things that move, and that no network takes for people."""
    ground, (width, height) = _ground(SUB), SUB
    clothes = np.random.default_rng(7).integers(0, 255, (height // 3, width // 16, 3), np.uint8)
    for number in range(_SEGMENT_S * FPS):
        picture = _noisy(ground, number)
        left = round((width - clothes.shape[1]) * number / (_SEGMENT_S * FPS))
        picture[height // 2 : height // 2 + clothes.shape[0], left : left + clothes.shape[1]] = clothes
        yield picture


def _lane(kind: str) -> Iterator[Picture]:
    """A drive, and a car's front that comes nearer on it; its plate is drawn in the measures of GA 36."""
    ground = _ground(MAIN)
    front = drawn(kind, random.Random(len(kind)), tilt=0.02).scene if kind else None
    count = _SEGMENT_S * FPS // 2
    for number in range(count):
        picture = _noisy(ground, number)
        if front is not None:
            _come(picture, front, number / count)
        yield _clock(picture, number / FPS)


def _come(picture: Picture, front: Picture, part: float) -> None:
    width = round(260 + 300 * part)
    near = cv2.resize(front, (width, width * front.shape[0] // front.shape[1]), interpolation=cv2.INTER_AREA)
    body = (width * 2, width)
    left, top = round(500 + 300 * part), round(250 + 350 * part)
    cv2.rectangle(picture, (left - width // 2, top - body[1] // 2), (left + body[0] - width // 2, 1_000), (60,) * 3, -1)
    picture[top : top + near.shape[0], left : left + width] = near


def _ground(size: tuple[int, int]) -> Picture:
    small = np.random.default_rng(4).integers(50, 190, (18, 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _noisy(picture: np.ndarray, number: int) -> Picture:
    grain = np.random.default_rng(number % 5).normal(0, 3, picture.shape[:2])[..., np.newaxis]
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


def _clock(picture: Picture, second: float) -> Picture:
    """A picture that stands is told by it."""
    shown = picture.copy()
    cv2.putText(shown, f"{second:06.2f}", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return shown
