"""A decoded picture on its way through the parts that look at it, and what they make of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]  # height x width
Picture = NDArray[np.uint8]  # height x width x 3, blue green red, as OpenCV has it
Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the picture's width and height: 0..1


class Frame(msgspec.Struct, frozen=True):
    """One picture of a stream. ``seconds`` never runs backwards and leaves no gap that the stream had not;
    ``at`` is by the gateway's clock, aware UTC. ``picture`` makes the colours, which most frames never need."""

    number: int
    seconds: float
    at: datetime
    luma: Luma
    picture: Callable[[], Picture]
    is_key: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell: the fields of a domain event but ``device``, ``media`` and its times, and its best picture.

    ``id`` stays the same over all that is told of one track; ``at`` is when the best picture was taken.
    ``picture`` is that whole frame, ``box`` where the thing is in it, ``crop`` a straightened plate.
    """

    id: str
    at: datetime
    fields: dict[str, Any]
    picture: Picture | None = None
    box: Box | None = None
    crop: Picture | None = None


class Looker(Protocol):
    """Looks at the frames of one camera, and keeps what it must remember to itself. Used by one thread.

    It is shown no more than ``looks_per_s`` where none beside it wants more; what else comes it passes over.
    """

    @property
    def looks_per_s(self) -> float: ...

    def look(self, frame: Frame) -> list[Seen]: ...
