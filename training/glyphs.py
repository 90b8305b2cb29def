"""The signs of real plates, out of a folder of pictures; what it does not have is drawn in a book's font."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np

from tests.drawn_plates import Mask, book_face

_HIGH, _UPPER_ROW_MM = 180, 80
_WEIGHTS = (-2, 0, 0, 2, 4)  # pixels of its stroke, thinner and bolder
_RIM = 8


class NoGlyphs(Exception):
    """The folder holds no pictures of signs; says what it should hold."""


class GlyphBank:
    """A picture a sign, black on white: ``140_X`` of one row, ``green_X``, ``220_X``, ``220_up_X``, ``220_down_X``."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._rng = rng
        self._raw = {path.stem: glyph for path in sorted(folder.iterdir()) if (glyph := _read(path)) is not None}
        self._drawn: dict[tuple[str, int, int, int], Mask] = {}
        if not any(name.startswith("140_") for name in self._raw):
            raise NoGlyphs(f"{folder}: no pictures named 140_A.jpg, 140_京.jpg and so on; see training/README.md")

    def __call__(self, kind: str, sign: str, wide: int, high: int) -> Mask:
        name = self._name(kind, sign, high)
        if name is None:
            return book_face(kind, sign, wide, high)
        key = (name, wide, high, self._rng.choice(_WEIGHTS) if sign.isascii() else 0)
        if key not in self._drawn:
            self._drawn[key] = cv2.resize(_heavier(self._raw[name], key[3]), (wide, high), interpolation=cv2.INTER_AREA)
        return self._drawn[key]

    def _name(self, kind: str, sign: str, high: int) -> str | None:
        """Two rows have signs of their own, and so has new energy; else those of one row."""
        rows = ["220_up_" if high < _UPPER_ROW_MM else "220_down_", "220_"] if kind.endswith(("double", "farm")) else []
        first = ["green_"] if kind in ("green_small", "green_large") else rows
        return next((start + sign for start in (*first, "140_") if start + sign in self._raw), None)


def _read(path: Path) -> Mask | None:
    grey = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return None
    size = (max(1, round(grey.shape[1] * _HIGH / grey.shape[0])), _HIGH)
    return 255 - cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC)  # pyright: ignore[reportReturnType]


def _heavier(glyph: Mask, pixels: int) -> Mask:
    if not pixels:
        return glyph
    stroke = np.ones((abs(pixels) * 2 + 1,) * 2, np.uint8)
    framed = cv2.copyMakeBorder(glyph, _RIM, _RIM, _RIM, _RIM, cv2.BORDER_CONSTANT)
    changed = cv2.dilate(framed, stroke) if pixels > 0 else cv2.erode(framed, stroke)
    return changed[_RIM:-_RIM, _RIM:-_RIM]  # pyright: ignore[reportReturnType]
