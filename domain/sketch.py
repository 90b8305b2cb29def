"""An event at a glance: the few fields by which a reader knows whether it wants the whole of it."""

from __future__ import annotations

import msgspec

from domain.wire import Moment


class Sketch(msgspec.Struct, gc=False):
    """What is decoded of every event; faster by far than all of it. Times as in ``wire.EventHead``, the years apart."""

    kind: str
    device: str
    recorded_at: Moment
    time: Moment | None = None
    ended_at: Moment | None = None
    phase: str = "instant"
    place: str | None = None
    result: str | None = None
    state: str | None = None
    label: str | None = None
    retained: bool = False
    media: msgspec.Raw = msgspec.Raw()

    @property
    def shows_a_place(self) -> bool:
        """Whether it may bring a picture of a place."""
        return bool(self.place and self.media)


decode_sketches = msgspec.json.Decoder(list[Sketch]).decode
