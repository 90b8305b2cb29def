"""The reference picture: how a camera's view looks while all is well. It follows the day, and no one who covers it."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from edge.vision.health.sight import HEIGHT, WIDTH, Floats, Sight, likeness, likeness_of_shapes

_LEARNING = 5  # pictures until it counts
_FOLLOWS = 0.02  # of each further picture, one a second: minutes, so that shadows may wander


_STEPS = 4.0  # of an edge's strength: bytes are exact enough to keep


class _Kept(msgspec.Struct, frozen=True):
    rough: bytes
    edges: bytes
    textured: Annotated[float, Meta(ge=0, le=1)]
    sharpness: Annotated[float, Meta(ge=0, le=1e6)]


def _plane(body: bytes) -> Floats:
    """Raises ValueError."""
    return np.frombuffer(body, np.uint8).reshape(HEIGHT, WIDTH).astype(np.float32)


class View(msgspec.Struct):
    """An average of pictures."""

    rough: Floats
    edges: Floats
    textured: float
    sharpness: float


class Reference:
    """Learns from pictures that are well."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._learnt = 0

    @property
    def view(self) -> View | None:
        """None until enough was seen."""
        return self._view if self._learnt >= _LEARNING else None

    def learn(self, sight: Sight) -> None:
        """A picture that is well."""
        self._learnt += 1
        if self._view is None:
            self._view = View(sight.rough.copy(), sight.edges.copy(), sight.textured, sight.sharpness)
            return
        share = max(_FOLLOWS, 1.0 / self._learnt)
        view = self._view
        view.rough += np.float32(share) * (sight.rough - view.rough)
        view.edges += np.float32(share) * (sight.edges - view.edges)
        view.textured += share * (sight.textured - view.textured)
        # Noise looks like detail: a night of it must not make the clear morning seem out of focus.
        sharper = sight.sharpness > view.sharpness and self._learnt > _LEARNING
        view.sharpness += 0.0 if sharper else share * (sight.sharpness - view.sharpness)

    def kept(self) -> bytes | None:
        """To begin with another time; None while it does not count yet."""
        view = self.view
        if view is None:
            return None
        rough, edges = (np.clip(plane, 0, 255).astype(np.uint8) for plane in (view.rough, view.edges * _STEPS))
        return msgspec.msgpack.encode(_Kept(rough.tobytes(), edges.tobytes(), view.textured, view.sharpness))

    def restore(self, body: bytes) -> bool:
        """Begin with what was kept; whether it could be read."""
        try:
            kept = msgspec.msgpack.decode(body, type=_Kept)
            rough, edges = (_plane(plane) for plane in (kept.rough, kept.edges))
        except (msgspec.MsgspecError, ValueError):
            return False
        self._view = View(rough, edges / np.float32(_STEPS), kept.textured, kept.sharpness)
        self._learnt = _LEARNING
        return True

    def forget(self) -> None:
        """The view is another from now on."""
        self._view, self._learnt = None, 0


def edges_alike(sight: Sight, view: View) -> float:
    return likeness(sight.edges, view.edges)


def shapes_alike(sight: Sight, view: View) -> float:
    return likeness_of_shapes(sight.rough, view.rough)
