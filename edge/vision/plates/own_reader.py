"""Our own reader of plates: one picture of 168x48, signs and colours out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from domain.plate_beam import Step
from domain.plates import PROVINCES
from edge.vision.frames import Picture
from edge.vision.onnx import Network
from edge.vision.plates.corners import Floats, Found
from edge.vision.plates.steps import steps_of
from edge.vision.plates.straight import straighten

WEIGHTS = Path(__file__).parents[1] / "weights" / "plate_reader.onnx"
_PROVINCES = "京沪津渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # pragma: allowlist secret
TABLE = ("", *_PROVINCES, *"学警港澳挂使领民航应急", *"0123456789", *_LETTERS)
WIDTH, HEIGHT = 168, 48

assert set(_PROVINCES) == set(PROVINCES)


class OwnReader:
    def __init__(self, path: Path = WEIGHTS) -> None:
        self._network = Network(path)

    def __call__(self, picture: Picture, cuts: Sequence[tuple[Found, float]]) -> tuple[list[list[Step]], Floats]:
        """For each cut, corners and the margin about them, the steps along it; and the colours, a row a cut."""
        crops = np.stack([cut(picture, found, margin) for found, margin in cuts])
        signs, colors = self._network(crops.transpose(0, 3, 1, 2).astype(np.float32))
        return [steps_of(rows, TABLE, 0) for rows in signs], colors


def cut(picture: Picture, found: Found, margin: float) -> Picture:
    """What the network is shown of a plate."""
    if found.rows == 1:
        return straighten(picture, found.corners, WIDTH, HEIGHT, margin)
    return _rows_side_by_side(straighten(picture, found.corners, WIDTH, HEIGHT * 2, margin))


def _rows_side_by_side(plate: Picture) -> Picture:
    """As the reader was trained: the upper row's middle in the first third, the lower row behind it."""
    height, width = plate.shape[:2]
    upper = plate[: round(height * 0.41), round(width * 0.18) : round(width * 0.82)]
    lower = plate[round(height * 0.35) :]
    third = WIDTH // 3
    sides = [cv2.resize(upper, (third, HEIGHT)), cv2.resize(lower, (WIDTH - third, HEIGHT))]
    return cast(Picture, np.hstack(sides))
