"""YOLOX-nano by onnxruntime on one thread: its sizes, strides, grids, and of boxes that overlap the surest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.frames import Picture
from edge.vision.objects.found import CannotFind, Found
from edge.vision.objects.labels import COCO, group_of
from edge.vision.onnx import Network

Numbers = NDArray[np.float32]
_GREY = 114  # what it was trained to see around a picture
_STRIDES = (8, 16, 32)
_OVERLAP = 0.5
_MOST = 64  # things on one picture


class Yolox:
    """A network whose output is a row a cell: middle, size, objectness, and a score a class."""

    def __init__(self, path: Path, sure_from: float = 0.35, classes: Mapping[int, str] = COCO) -> None:
        self._network = _open(path)
        self._sure_from, self._asking = sure_from, Lock()
        self._side = _side(self._network, path)
        self._step = _STRIDES[-1] if self._network.let_any_size() else self._side
        # One for all: anew for each look they were six hundred pages that the kernel has to clear.
        self._boxed = np.zeros(self._side * self._side * 3, np.uint8)
        self._shown = np.zeros(self._boxed.size, np.float32)
        self._columns = [5 + number for number in classes]
        self._labels: list[str] = list(classes.values())

    def find(self, picture: Picture) -> list[Found]:
        """The surest first; nothing on a picture without extent."""
        height, width = picture.shape[:2]
        if not height or not width:
            return []
        scale = min(self._side / height, self._side / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        with self._asking:
            shown = self._show(picture, size)
            [rows] = self._network(shown)[0]
        return self._decoded(rows, shown.shape[-2:], scale, width, height)

    def _show(self, picture: Picture, size: tuple[int, int]) -> Numbers:
        """Grey is around it only as far as strides want it: a wide picture is half of the square, and half the work."""
        across, down = (-(-extent // self._step) * self._step for extent in size)
        count = across * down * 3
        boxed, shown = self._boxed[:count].reshape(down, across, 3), self._shown[:count].reshape(1, 3, down, across)
        boxed.fill(_GREY)
        boxed[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        np.copyto(shown[0], boxed.transpose(2, 0, 1))
        return shown

    def _decoded(self, rows: Numbers, shown: tuple[int, ...], scale: float, width: int, height: int) -> list[Found]:
        cells, scales = _grids(*shown)
        likely = np.flatnonzero(rows[:, 4] >= self._sure_from)  # no score is above its cell's: few are left to weigh
        scores = rows[likely, 4:5] * rows[likely][:, self._columns]
        best = scores.argmax(axis=1)
        sureness = scores[np.arange(len(scores)), best]
        sure = sureness >= self._sure_from
        kept, best, sureness = likely[sure], best[sure], sureness[sure]
        middles = (rows[kept, :2] + cells[kept]) * scales[kept] / scale
        sizes = np.exp(rows[kept, 2:4]) * scales[kept] / scale
        corners = middles - sizes / 2
        found = self._surest(np.hstack((corners, sizes)), sureness, best)
        return [self._found(corners[one], sizes[one], best[one], sureness[one], width, height) for one in found]

    def _surest(self, boxes: Numbers, sureness: Numbers, classes: NDArray[np.intp]) -> list[int]:
        """Of a kind: a car that may be a truck is one thing."""
        if not len(boxes):
            return []
        groups = [group_of(self._labels[int(one)]) for one in classes]
        kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), sureness.tolist(), groups, self._sure_from, _OVERLAP)
        return [int(one) for one in np.array(kept).flatten()[:_MOST]]

    def _found(self, corner: Numbers, size: Numbers, of: np.intp, sure: np.float32, width: int, height: int) -> Found:
        left, top = max(0.0, float(corner[0]) / width), max(0.0, float(corner[1]) / height)
        right, bottom = float(corner[0] + size[0]) / width, float(corner[1] + size[1]) / height
        box = (min(left, 1.0), min(top, 1.0), max(0.0, min(right, 1.0)), max(0.0, min(bottom, 1.0)))
        return Found(self._labels[of], min(float(sure), 1.0), box)


def _open(path: Path) -> Network:
    """Raises CannotFind."""
    if not path.is_file():
        raise CannotFind(f"model: no file {str(path)!r}; fetch it with `gatehouse-edge models fetch`")
    try:
        return Network(path)
    except Exception as error:  # its own have no names
        raise CannotFind(f"model: {path.name} is no network that can be loaded: {error}") from error


def _side(network: Network, path: Path) -> int:
    """Of the square that it looks at. Raises CannotFind."""
    shape, wants = network.shape, network.gives[0][1:]
    side = shape[-1]
    if len(shape) != 4 or not isinstance(side, int) or wants != [sum((side // one) ** 2 for one in _STRIDES), 85]:
        raise CannotFind(f"model: {path.name} takes {shape} and gives {wants}, and so is no YOLOX of 80 classes")
    return side


@cache  # of a side in steps of 32 there are few
def _grids(down: int, across: int) -> tuple[Numbers, Numbers]:
    """Of each row of the output: its cell's place, and how many points a cell is wide."""
    cells: list[Numbers] = []
    scales: list[Numbers] = []
    for stride in _STRIDES:
        columns, rows = np.meshgrid(np.arange(across // stride), np.arange(down // stride))
        cells.append(np.stack((columns, rows), axis=2).reshape(-1, 2).astype(np.float32))
        scales.append(np.full((columns.size, 1), stride, np.float32))
    return np.concatenate(cells), np.concatenate(scales)
