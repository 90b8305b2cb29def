"""What would wait badly among a gateway's routine events: what may be an alert at any hour, and the picture to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from domain.alerts.built_in import BUILT_IN
from domain.alerts.rules import Rules
from domain.events import decode_event
from domain.sketch import Sketch

_SHOWN_S = 30.0  # so long after something pressing a picture is taken to show it
_decode_sketch = msgspec.json.Decoder(Sketch).decode


class Pressing:
    """Knows what of a gateway's events presses: by the rules every complex begins with, and by its ``own`` as well."""

    def __init__(self, clock_s: Callable[[], float], own: Callable[[], Rules | None] = lambda: None) -> None:
        self._clock_s, self._own = clock_s, own
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
        if any(rules is not None and _may_be_one(rules, sketch, body) for rules in (BUILT_IN, self._own())):
            self.met()
            return True
        return bool(sketch.media) and self._clock_s() < self._shown_until_s


def _may_be_one(rules: Rules, sketch: Sketch, body: bytes) -> bool:
    return rules.may_fire(sketch) and any(rules.names_for(decode_event(body)))
