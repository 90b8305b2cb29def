"""One picture of a stream, and then no more of it: that it can be read, by this address and with this password."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime

import msgspec

from edge.vision.streams.source import How, Source
from edge.vision.streams.where import Where


class FirstPicture(msgspec.Struct, frozen=True):
    """What came, and how long it took."""

    width: int
    height: int
    codec: str
    after_s: float

    def __str__(self) -> str:
        return f"{self.width} × {self.height}, {self.codec}, its first picture after {self.after_s:.1f} s"


def first_picture(where: Where, max_pixels: int, now: Callable[[], datetime]) -> FirstPicture:
    """Raises StreamFault."""
    began_s = time.monotonic()
    with closing(Source(where, How(max_pixels=max_pixels, in_real_time=False), now, Counter())) as source:
        frame = next(source.frames())
        height, width = frame.luma.shape
        return FirstPicture(width, height, source.stream.codec_context.name, time.monotonic() - began_s)
