"""A picture out of a file: bounded before it is decoded, so that no file can fill the memory."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.vision.frames import Picture
from edge.vision.plates.picture_mistake import BadPicture

_MOST_BYTES = 64 * 1024 * 1024


def read_picture(path: Path) -> Picture:
    """Raises BadPicture."""
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise BadPicture(f"{size} bytes, at most {_MOST_BYTES} are read: scale it down")
        body = path.read_bytes()
    except OSError as error:
        raise BadPicture(f"cannot be read: {error.strerror or error}") from error
    if not body:
        raise BadPicture("an empty file: was the picture written to its end?")
    return decoded(body)


def decoded(body: bytes) -> Picture:
    """Raises BadPicture."""
    try:
        picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadPicture(f"too large, or broken: {error.err}; scale it down") from error
    if picture is None or 0 in picture.shape:
        raise BadPicture("no picture that can be decoded: JPEG, PNG, BMP and WebP are")
    return picture  # pyright: ignore[reportReturnType]
