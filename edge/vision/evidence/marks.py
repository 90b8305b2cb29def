"""What is drawn onto a picture that is kept: a box around what it is about, a strip with time and camera below it."""

from __future__ import annotations

import cv2
import numpy as np

from edge.vision.frames import Box, Picture

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BOX_COLOUR, _INK = (0, 200, 255), (255, 255, 255)


def framed(picture: Picture, box: Box | None) -> Picture:
    """A copy with the box around what was seen, a little outside of it."""
    drawn = picture.copy()
    corners = _corners(picture, box)
    if corners is not None:
        left, top, right, bottom = corners
        cv2.rectangle(drawn, (left, top), (right, bottom), _BOX_COLOUR, max(1, picture.shape[1] // 640))
    return drawn


def _corners(picture: Picture, box: Box | None) -> tuple[int, int, int, int] | None:
    """None for a box of no size, or that lies nowhere in the picture."""
    if box is None or not all(np.isfinite(box)):
        return None
    height, width = picture.shape[:2]
    left, top, right, bottom = (min(1.0, max(0.0, share)) for share in box)
    if right <= left or bottom <= top:
        return None
    edge = max(2, width // 320)
    across, down = (
        (max(0, int(left * width) - edge), min(width - 1, int(right * width) + edge)),
        (
            max(0, int(top * height) - edge),
            min(height - 1, int(bottom * height) + edge),
        ),
    )
    return across[0], down[0], across[1], down[1]


def labelled(picture: Picture, text: str) -> Picture:
    """The picture and a strip below it: nothing of the scene is covered. Signs that the font lacks are escaped."""
    width = picture.shape[1]
    words, scale, high, strip_high = _written(width, text)
    strip = np.zeros((strip_high, width, 3), np.uint8)
    cv2.putText(strip, words, (2, high + 3), _FONT, scale, _INK, max(1, round(scale)), cv2.LINE_AA)
    return np.vstack([picture, strip])


def strip_share(width: int, height: int, text: str) -> float:
    """How much of a labelled picture's height its strip is: whoever draws over one must leave it out."""
    strip_high = _written(width, text)[3]
    return strip_high / (height + strip_high)


def _written(width: int, text: str) -> tuple[str, float, int, int]:
    """The words as they can be written, how large, their height, and the strip's."""
    scale = max(0.35, width / 1_280 * 0.8)
    words = text.encode("ascii", "backslashreplace").decode()
    (long, high), below = cv2.getTextSize(words, _FONT, scale, 1)
    return words, scale * min(1.0, (width - 4) / max(1, long)), high, high + below + 6
