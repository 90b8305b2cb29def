"""The pictures of one thing that was seen: the scene with time and camera below it, a thumbnail, the plate alone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from edge.devices._camera_words import Shot
from edge.vision.evidence.marks import framed, labelled, strip_share
from edge.vision.frames import Picture, Seen

JPEG = "image/jpeg"
THUMBNAIL_BYTES = 30 * 1024
_THUMBNAIL_WIDTHS = (320, 240, 160, 96)
_THUMBNAIL_QUALITIES = (80, 65, 50, 35)
_LARGEST_SIDE = 8_192


class Evidence:
    """How the pictures of one camera are made."""

    def __init__(self, camera: str, zone: ZoneInfo, quality: int = 85, width: int = 1_920) -> None:
        self._camera, self._zone, self._quality, self._width = camera, zone, quality, width

    def of(self, seen: Seen) -> tuple[Shot, ...]:
        """None of a thing without a picture, or whose picture has no size."""
        shots: list[Shot] = []
        if seen.picture is not None and is_shown(seen.picture):
            scene = self.scene(seen.picture, seen)
            shots += [Shot("scene", JPEG, encoded(scene, self._quality)), Shot("thumbnail", JPEG, thumbnail(scene))]
        if seen.crop is not None and is_shown(seen.crop):
            shots.append(Shot("plate", JPEG, encoded(seen.crop, self._quality)))
        return tuple(shots)

    def scene(self, picture: Picture, seen: Seen) -> Picture:
        """The whole picture, no wider than it shall be, its box drawn, its time and camera in a strip below."""
        return labelled(framed(_narrowed(picture, self._width), seen.box), self._label(seen.at))

    def below(self, seen: Seen) -> float:
        """The share of the kept picture that its strip takes; 0 where none is kept."""
        if seen.picture is None or not is_shown(seen.picture):
            return 0.0
        height, width = _size(seen.picture, self._width)
        return round(strip_share(width, height, self._label(seen.at)), 4)

    def _label(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S %z}  {self._camera}"


def is_shown(picture: Picture) -> bool:
    """Whether there is anything in it, and it is of a size that a JPEG can have."""
    return picture.ndim == 3 and min(picture.shape[:2]) > 0 and max(picture.shape[:2]) <= _LARGEST_SIDE


def encoded(picture: Picture, quality: int) -> bytes:
    done, body = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"no JPEG of {picture.shape[1]} x {picture.shape[0]} pixels")
    return body.tobytes()


def thumbnail(picture: Picture) -> bytes:
    """A JPEG of at most 30 kB, whatever is in the picture."""
    for width in _THUMBNAIL_WIDTHS:
        small = _narrowed(picture, width)
        for quality in _THUMBNAIL_QUALITIES:
            if len(body := encoded(small, quality)) <= THUMBNAIL_BYTES:
                return body
    return encoded(cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA).astype(np.uint8), 20)


def _size(picture: Picture, width: int) -> tuple[int, int]:
    """Height and width of a picture that is no wider than that."""
    high, wide = picture.shape[:2]
    return (high, wide) if wide <= width else (max(1, round(high * width / wide)), width)


def _narrowed(picture: Picture, width: int) -> Picture:
    height, width = _size(picture, width)
    if picture.shape[1] <= width:
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
