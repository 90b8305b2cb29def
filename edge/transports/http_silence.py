"""Devices that push signs of life, and stopped: nothing else says that one of them is gone."""

from __future__ import annotations

from collections.abc import Iterable

from domain.events import Event

SILENCE_S = 180.0  # several heart-beats of any vendor: 5 s to a minute apart
_MOST = 5_000


class Silence:
    """Who gave a sign of life over this transport, and when it was last heard; bounded, monotonic seconds."""

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        self._silence_s = silence_s
        self._heard_s: dict[str, float] = {}

    def heard(self, events: Iterable[Event], now_s: float) -> None:
        """Whatever it says counts, once it has shown that it gives signs of life."""
        for event in events:
            beats = event.kind == "availability" and event.state == "online" and event.point is None
            if event.device in self._heard_s or (beats and len(self._heard_s) < _MOST):
                self._heard_s[event.device] = now_s

    def again(self, now_s: float) -> None:
        """We could not listen: everyone has the whole time anew."""
        self._heard_s = dict.fromkeys(self._heard_s, now_s)

    def gone(self, now_s: float) -> list[str]:
        """Those that fell silent, each once until it is heard again."""
        silent = [device for device, at_s in self._heard_s.items() if now_s - at_s > self._silence_s]
        for device in silent:
            del self._heard_s[device]
        return silent
