"""The plate detector of HyperLPR3: boxes with four corners, of one row or two."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from edge.vision.frames import Picture
from edge.vision.onnx import Network
from edge.vision.plates.corners import Floats, Found, apart

_MOST_OVERLAP = 0.5
_CORNERS, _CLASSES = slice(5, 13), slice(13, 15)
_MOST_BOXES = 100
_WHITE = np.float32(255)


class Y5fu:
    def __init__(self, path: Path, threshold: float = 0.3) -> None:
        self._network = Network(path)
        self.side = int(self._network.shape[2])
        self._threshold, self._asking = threshold, Lock()
        # One for all: anew for each picture they were fifteen hundred pages that the kernel has to clear.
        self._stage = np.zeros((self.side, self.side, 3), np.uint8)
        self._shown = np.zeros((1, 3, self.side, self.side), np.float32)

    def __call__(self, picture: Picture) -> list[Found]:
        """The plates in it, the surest first."""
        with self._asking:
            scale, left, top = letterbox(picture, self._stage)
            np.divide(self._stage[:, :, ::-1].transpose(2, 0, 1), _WHITE, out=self._shown[0])
            [said] = self._network(self._shown)
        return self._found(said[0], scale, left, top)

    def _found(self, said: Floats, scale: float, left: int, top: int) -> list[Found]:
        said = said[said[:, 4] > self._threshold]
        classes = said[:, _CLASSES] * said[:, 4:5]
        scores = classes.max(axis=1) if len(said) else np.zeros(0, np.float32)
        likely = np.argsort(-scores)[:_MOST_BOXES]
        likely = likely[scores[likely] > self._threshold]
        corners = (said[likely, _CORNERS].reshape(-1, 4, 2) - np.array([left, top], np.float32)) / scale
        rows = classes[likely].argmax(axis=1) + 1 if len(likely) else likely
        made = [Found(corners[i], float(scores[n]), int(rows[i])) for i, n in enumerate(likely)]
        return apart(made, _MOST_OVERLAP)


def letterbox(picture: Picture, stage: Picture) -> tuple[float, int, int]:
    """Puts the picture in the middle of a black square; its scale there and where its corner lies."""
    height, width = picture.shape[:2]
    side = stage.shape[0]
    scale = min(side / height, side / width)
    high, wide = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = (side - high) // 2, (side - wide) // 2
    stage.fill(0)
    stage[top : top + high, left : left + wide] = cv2.resize(picture, (wide, high))
    return scale, left, top
