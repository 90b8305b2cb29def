"""Motion, and things where it moves, on one core: a drawn substream, so that no clip is needed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, percentile, row
from edge.vision.frames import Frame, Picture
from edge.vision.motion import Motion, MotionSettings
from edge.vision.objects.found import Finder, Found
from edge.vision.objects.yolox import Yolox
from edge.vision.scene import Shared, make

_WIDTH, _HEIGHT, _FPS = 640, 360, 15
_START = datetime(2026, 11, 27, 4, tzinfo=UTC)
_MODEL = os.environ.get("YOLOX", "")  # the file of yolox_nano.onnx; without it the network is left out
_CLOTHES = np.random.default_rng(7).integers(0, 255, (160, 44, 3), np.uint8)
_BUSY = 0.3  # of the time somebody walks


async def run(scale: float) -> list[Row]:
    """Milliseconds of a core: a look at motion, a look of the network, and what a camera costs a second."""
    cv2.setNumThreads(1)
    frames = _frames(max(90, int(600 * scale)))
    finder = Yolox(Path(_MODEL)) if _MODEL else None
    rows = [_motion(frames), _scene(frames, "motion, tracks and rules, without the network", _Counted(None))]
    return (
        rows
        if finder is None
        else [*rows, _network(frames, finder), _scene(frames, "all, with yolox_nano", _Counted(finder))]
    )


class _Counted:
    """Finds somebody who walks through whatever it is shown; another finder costs its time, and is not believed."""

    def __init__(self, finder: Finder | None) -> None:
        self._finder, self.looks = finder, 0

    def find(self, picture: Picture) -> list[Found]:
        self.looks += 1
        if self._finder is not None:
            self._finder.find(picture)
        left = 0.02 * (self.looks % 40)
        return [Found("person", 0.9, (left, 0.2, left + 0.2, 0.9))]


def _frames(count: int) -> list[Frame]:
    chance = np.random.default_rng(2026)
    ground = np.asarray(cv2.resize(chance.integers(60, 190, (12, 20, 3), np.uint8), (_WIDTH, _HEIGHT)), np.uint8)
    grain = [np.asarray(chance.normal(0, 2, ground.shape), np.int8) for _ in range(5)]
    return [_frame(number, count, ground, grain[number % 5]) for number in range(count)]


def _frame(number: int, count: int, ground: Picture, grain: NDArray[np.int8]) -> Frame:
    picture = np.asarray(np.clip(ground.astype(np.int16) + grain, 0, 255), np.uint8)
    part = number / count - (1 - _BUSY)
    if part > 0:
        left = round(part / _BUSY * (_WIDTH - 50))
        picture[140:300, left : left + 44] = _CLOTHES
    seconds = number / _FPS
    luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    return Frame(number, seconds, _START + timedelta(seconds=seconds), luma, lambda: picture)


def _motion(frames: list[Frame]) -> Row:
    motion = Motion(MotionSettings())
    took = [_ms(lambda one=one: motion.look(one.luma, one.seconds)) for one in frames[::3]]
    return row(
        "motion, a look at 640x360", round(percentile(took, 0.5), 3), "ms", p95_ms=round(percentile(took, 0.95), 3)
    )


def _network(frames: list[Frame], finder: Finder) -> Row:
    took = [_ms(lambda one=one: finder.find(one.picture())) for one in frames[::15]]
    return row("yolox_nano, a look", round(percentile(took, 0.5), 1), "ms", p95_ms=round(percentile(took, 0.95), 1))


def _scene(frames: list[Frame], what: str, finder: _Counted) -> Row:
    """Processor time of all threads, over all frames of the stream, most of which are not looked at."""
    looker = make({"rules": [{"kind": "person_in_zone"}]}, Shared(finder=finder))
    began = time.process_time()
    told = sum(len(looker.look(one)) for one in frames)
    spent_ms = (time.process_time() - began) * 1_000
    if not told:
        raise RuntimeError("somebody walked through the picture, and nothing was told")
    a_second = spent_ms / (len(frames) / _FPS)
    beside = {"ms_a_frame": round(spent_ms / len(frames), 3), "told": told, "looks": finder.looks}
    return row(f"{what}, busy {_BUSY:.0%} of the time", round(a_second, 1), "ms of a core a second", **beside)


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1_000
