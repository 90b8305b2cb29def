"""What is measured on a picture to know whether its camera sees: small, grey, a few numbers."""

from __future__ import annotations

from typing import Any, cast

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.vision.frames import Luma

WIDTH, HEIGHT = 160, 90
_EDGE = 12.0  # of a gradient, in grey levels: less is noise
_BLOCKS = (9, 16)
_MOST_STEP = 1_024  # a Laplacian of bytes is smaller
_SHIFT = 2  # so many small pixels a pole may sway
Floats = NDArray[np.float32]


class Sight(msgspec.Struct, frozen=True):
    """One picture as health sees it."""

    small: Luma  # 160 x 90
    rough: Floats  # the same, blurred: what defocus leaves
    edges: Floats  # strength of edges, blurred a little
    brightness: float
    bright_end: float  # 95 of 100 pixels are darker
    textured: float  # share of blocks that show anything but a plane
    sharpness: float  # fine edges against coarse ones


def sight_of(luma: Luma) -> Sight:
    """Raises ValueError for a picture of no size."""
    if luma.size == 0:
        raise ValueError(f"a picture of {luma.shape[1]} x {luma.shape[0]} pixels")
    small = cast("Luma", cv2.resize(luma, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
    fine = _gradient(small.astype(np.float32))
    rough = _blurred(small.astype(np.float32), 4.0)
    coarse = _gradient(rough)
    return Sight(
        small=small,
        rough=rough,
        edges=_blurred(np.minimum(fine, 4 * _EDGE), 1.0),
        brightness=float(small.mean()),
        bright_end=float(np.percentile(small, 95)),
        textured=_textured(fine),
        sharpness=_sharpness(luma, coarse),
    )


def change(one: Sight, other: Sight) -> float:
    """The greatest difference of any small pixel: a clock in the corner is enough."""
    return float(cv2.norm(one.small, other.small, cv2.NORM_INF))


def likeness(edges: Floats, reference: Floats) -> float:
    """How well edges lie where they lay, -1 to 1, a little swaying forgiven."""
    inner = reference[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    return _best_match(edges, inner)


def likeness_of_shapes(rough: Floats, reference: Floats) -> float:
    """How well bright and dark lie where they lay, -1 to 1, whatever the light."""
    return _best_match(rough, reference[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT])


def _best_match(picture: Floats, part: Floats) -> float:
    if float(part.std()) < 0.5 or float(picture.std()) < 0.5:
        return 0.0  # a plane is like nothing
    found: Any = cv2.matchTemplate(picture, np.ascontiguousarray(part), cv2.TM_CCOEFF_NORMED)
    return float(found.max())


def _gradient(picture: Floats) -> Floats:
    across: Any = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.25)
    down: Any = cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.25)
    return cast("Floats", cv2.magnitude(across, down))


def _blurred(picture: Floats, sigma: float) -> Floats:
    return cast("Floats", cv2.GaussianBlur(picture, (0, 0), sigma))


def _textured(fine: Floats) -> float:
    rows, columns = _BLOCKS
    blocks = fine.reshape(rows, HEIGHT // rows, columns, WIDTH // columns)
    return float(((blocks > _EDGE).mean(axis=(1, 3)) > 0.03).mean())


def _sharpness(luma: Luma, coarse: Floats) -> float:
    """The finest detail there is at the picture's own size, against its coarse contrast: light changes both."""
    step = max(1, luma.shape[1] // 640)
    own = np.ascontiguousarray(luma[::step, ::step])
    fine: Any = np.abs(cv2.Laplacian(own, cv2.CV_16S, ksize=1)).astype(np.uint16)
    return _below_which(fine, 0.98) / max(1.0, float(np.percentile(coarse, 98)))


def _below_which(steps: NDArray[np.uint16], share: float) -> float:
    """The whole number below which that share of them lies: by counting, a tenth of the work of sorting."""
    counts: Any = cv2.calcHist([steps], [0], None, [_MOST_STEP], [0, _MOST_STEP])
    return float(np.searchsorted(np.cumsum(cast("Floats", counts)), share * steps.size))
