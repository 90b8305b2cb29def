"""What would wait badly among a gateway's routine events: what may be an alert at any hour, and the picture to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from domain.alerts.built_in import BUILT_IN
from domain.events import decode_event
from domain.sketch import Sketch

_SHOWN_S = 30.0  # so long after something pressing a picture is taken to show it
_decode_sketch = msgspec.json.Decoder(Sketch).decode


class Pressing:
    """Knows what of a gateway's events presses. By the rules every complex begins with: its own are the centre's."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._shown_until_s = float("-inf")

    def met(self) -> None:
        """Something urgent happened: who hears of it wants to see it."""
        self._shown_until_s = self._clock_s() + _SHOWN_S

    def is_in(self, bodies: Sequence[bytes]) -> bool:
        """Whether one of these encoded events presses. What is no event does not: the centre says what is wrong."""
        found = [self._presses(body) for body in bodies]  # of each, for the pictures behind it
        return any(found)

    def _presses(self, body: bytes) -> bool:
        try:
            return self._is_seen(body)
        except msgspec.MsgspecError:
            return False

    def _is_seen(self, body: bytes) -> bool:
        sketch = _decode_sketch(body)
        if BUILT_IN.may_fire(sketch) and any(BUILT_IN.names_for(decode_event(body))):
            self.met()
            return True
        return bool(sketch.media) and self._clock_s() < self._shown_until_s
