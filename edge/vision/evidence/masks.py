"""Privacy masks: parts of the picture that nobody sees, no looker and no person. They are blank before all else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.vision.frames import Frame, Luma, Picture

Corners = Sequence[tuple[float, float]]


class Masks:
    """Polygons in shares of width and height, drawn once a size."""

    def __init__(self, polygons: Sequence[Corners]) -> None:
        self._polygons = polygons
        self._drawn: tuple[tuple[int, int], NDArray[np.bool_]] | None = None

    def __bool__(self) -> bool:
        return bool(self._polygons)

    def over(self, frame: Frame) -> Frame:
        """The frame with what is masked blank, in its brightness and in its colours."""
        if not self._polygons:
            return frame
        blank, colours = self._hidden(frame.luma), frame.picture
        return msgspec.structs.replace(frame, luma=blank, picture=lambda: self._hidden(colours()))

    def blanked(self, picture: Picture) -> Picture:
        """A picture of another stream of the same camera."""
        return self._hidden(picture) if self._polygons else picture

    def _hidden(self, picture: Any) -> Any:
        copy: Luma | Picture = np.array(picture)
        copy[self._where(copy.shape[0], copy.shape[1])] = 0
        return copy

    def _where(self, height: int, width: int) -> NDArray[np.bool_]:
        if self._drawn is None or self._drawn[0] != (height, width):
            drawn = np.zeros((height, width), np.uint8)
            scale = np.array([width, height])
            for polygon in self._polygons:
                # Outwards to whole pixels: half a pixel of a window is a pixel of it.
                cv2.fillPoly(drawn, [np.rint(np.array(polygon) * scale).astype(np.int32)], 1)
            self._drawn = ((height, width), cv2.dilate(drawn, np.ones((3, 3), np.uint8)).astype(np.bool_))
        return self._drawn[1]
