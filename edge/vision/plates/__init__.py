"""Plates: from the pixels of a picture to what stands on them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from edge.vision.frames import Looker  # brings numpy, which a box that only reads doors has not

# OpenCV reads it once, when it is loaded: a small file of a giant picture would fill the memory.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "64000000")


def make(settings: Mapping[str, Any]) -> Looker:
    """The looker of a lane's camera. Raises msgspec.ValidationError, MissingModels."""
    from edge.vision.plates import lane  # OpenCV with it, after its limit is set

    return lane.make(msgspec.convert(settings, lane.LaneSettings, dec_hook=_path))


def _path(wanted: type, value: Any) -> Path:
    if wanted is not Path or not isinstance(value, str):
        raise ValueError(f"a path as text, not {value!r}")
    return Path(value)
