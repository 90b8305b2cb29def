"""Devices whose record is not taken now while those of others are: they rest, so that nobody waits behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

Device = tuple[str, str]  # a complex, and a device in it
_MOST = 1_000  # those that rest longest go back first: they are tried once more


class Resting:
    """``retry_s`` gives the seconds of rest after so many tries in a row."""

    def __init__(self, retry_s: Callable[[int], float], clock_s: Callable[[], float] = time.monotonic) -> None:
        self._retry_s, self._clock_s = retry_s, clock_s
        self._tries: dict[Device, int] = {}
        self._until_s: dict[Device, float] = {}

    def note(self, blocked: Collection[Device], taken: Iterable[Device]) -> None:
        """How a transmission went of which something was taken."""
        for device in taken:
            if device not in blocked:
                self._tries.pop(device, None)
        for device in set(blocked):
            self._tries[device] = self._tries.pop(device, 0) + 1
            self._until_s[device] = self._clock_s() + self._retry_s(self._tries[device])
        for device in list(self._tries)[: max(0, len(self._tries) - _MOST)]:
            del self._tries[device]
            self._until_s.pop(device, None)

    def now(self) -> list[Device]:
        """Whoever rests at this moment."""
        now_s = self._clock_s()
        self._until_s = {device: until_s for device, until_s in self._until_s.items() if now_s < until_s}
        return list(self._until_s)
