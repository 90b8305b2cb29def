"""What the cameras of one process share: networks that many threads ask at once, and one part of the whole budget."""

from __future__ import annotations

import importlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.vision.plates.inception import InceptionReader
from edge.vision.plates.own_reader import OwnReader
from edge.vision.share import Share
from tests.drawn_plates import KINDS, Drawn, drawn
from tests.edge.vision.clips import YOLOX, needed

made: Any = importlib.import_module("edge.vision.scene.make")


def plates(count: int) -> list[Drawn]:
    return [drawn(KINDS[number % len(KINDS)], random.Random(number)) for number in range(count)]


def test_one_reader_reads_for_many_threads_what_it_reads_for_one() -> None:
    reader, shown = OwnReader(), plates(24)
    read = lambda one: reader(one.scene, [(one.found, 0.04)])[0]  # noqa: E731
    alone = [read(one) for one in shown]
    assert alone[0] != alone[1], "the control: they are not all the same"
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read, shown)) == alone


class Slow:
    """A network as OpenCV's is: it answers what it was asked last."""

    def __init__(self) -> None:
        self.asked: Any = None

    def setInput(self, asked: Any) -> None:
        self.asked = asked

    def forward(self) -> Any:
        time.sleep(0.005)
        said = np.zeros((1, 75, 10, 1), np.float32)
        said[0, int(self.asked.max() * 20), 2:] = 1.0
        return said


def slow_reader(lock: Any) -> InceptionReader:
    reader = InceptionReader.__new__(InceptionReader)
    reader._network, reader._asking = Slow(), lock  # pyright: ignore
    return reader


class NoLock:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(("lock", "right"), [(threading.Lock(), True), (NoLock(), False)])
def test_who_asks_opencv_s_network_gets_the_answer_to_his_own_question(lock: Any, right: bool) -> None:
    """The control: without the lock one gets the answer to another's."""
    reader, found = slow_reader(lock), plates(1)[0].found
    pictures = [np.full((300, 600, 3), 12 * number, np.uint8) for number in range(16)]
    alone = [reader(picture, found) for picture in pictures]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda picture: reader(picture, found), pictures))
    assert (together == alone) is right


def test_a_network_asked_for_at_once_by_many_cameras_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []

    def load(path: Path, floor: float) -> Any:
        time.sleep(0.02)
        loaded.append(path)
        return object()

    monkeypatch.setattr(made, "Yolox", load)
    shared = made.Shared()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: shared.finder(Path("yolox.onnx"), 0.3), range(8)))
    assert loaded == [Path("yolox.onnx")] and len(set(map(id, found))) == 1


def test_a_process_spends_what_it_was_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = Share()
    granted.grant(2.5, 0.2)
    monkeypatch.setattr(made, "OF_THIS_PROCESS", granted)
    made._made_once.cache_clear()
    try:
        budget = made._of_this_process().budget
        assert budget.looks_per_s == 2.5
        budget.spent(0.4)
        assert budget.looks_per_s == 0.5, "two fifths of a second each, of a fifth of a core"
    finally:
        made._made_once.cache_clear()


def test_a_network_has_no_threads_of_its_own() -> None:
    from edge.vision.objects.yolox import Yolox

    finder = Yolox(needed(YOLOX))
    picture = np.asarray(cv2.resize(plates(1)[0].scene, (640, 360)), np.uint8)
    before = threads_here()
    finder.find(picture)
    assert threads_here() == before
    options = finder._network._session.get_session_options()  # pyright: ignore
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def threads_here() -> int:
    return len(list(Path("/proc/self/task").iterdir()))
