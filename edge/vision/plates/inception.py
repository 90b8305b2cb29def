"""The reader SegmenationFree-Inception of HyperLPR: one row, seven signs; through OpenCV 4."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from domain.plate_beam import Step
from edge.vision.frames import Picture
from edge.vision.plates.corners import Floats, Found
from edge.vision.plates.steps import steps_of
from edge.vision.plates.straight import straighten

_SIGNS = "京沪津渝冀晋蒙辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新0123456789ABCDEFGHJKLMNPQRSTUVWXYZ港学使警澳挂"
_ARMY = 14  # signs of the old military plates behind them, which no shape has
_WIDTH, _HEIGHT, MARGIN = 160, 40, 0.03
_FIRST_STEP = 2  # the two before it see the rim alone


class InceptionReader:
    """May be asked from several threads: OpenCV's network holds what it is asked about, so one waits for another."""

    def __init__(self, prototxt: Path, weights: Path) -> None:
        self._network = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
        self._asking = Lock()

    def __call__(self, picture: Picture, found: Found, margin: float = MARGIN) -> list[Step]:
        crop = straighten(picture, found.corners, _WIDTH, _HEIGHT, margin)
        asked = cv2.dnn.blobFromImage(crop.transpose(1, 0, 2), 1 / 255.0, (_HEIGHT, _WIDTH))
        with self._asking:
            self._network.setInput(asked)
            answer = self._network.forward().copy()
        said: Floats = np.squeeze(answer[0][:, _FIRST_STEP:, :]).T
        blank = said.shape[1] - 1
        table = (*_SIGNS, *[""] * (blank - len(_SIGNS)), "")
        return steps_of(said, table, blank)
