"""Which stream may use the line: the urgent before the money, the money before the routine; and how much at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

_LEAST_EVENTS = 20
_SLOW_S, _QUICK_S = 2.0, 0.5


class Lanes:
    """A stream with a backlog goes before those behind it. One that fails stands in nobody's way."""

    def __init__(self, streams: Sequence[str]) -> None:
        self._free = {stream: asyncio.Event() for stream in streams}
        for event in self._free.values():
            event.set()

    @asynccontextmanager
    async def turn(self, stream: str) -> AsyncGenerator[Callable[[], None]]:
        """One sending of a stream, once those before it have nothing more. Call what is given if there is more."""
        more: list[bool] = []
        self._free[stream].clear()  # before it waits: who wants to send holds up those behind it
        try:
            for before in self._before(stream):
                await before.wait()
            yield lambda: more.append(True)
        except BaseException:
            more.clear()
            raise
        finally:
            if not more:
                self._free[stream].set()

    def _before(self, stream: str) -> list[asyncio.Event]:
        names = list(self._free)
        return [self._free[name] for name in names[: names.index(stream)]]


class Fit:
    """How many events a batch may hold, so that on a slow line no batch holds it for long: halved after a sending of
    more than two seconds, doubled after one of less than half a second."""

    def __init__(self, most: int) -> None:
        self._most = self.events = most

    def took(self, seconds: float) -> None:
        if seconds > _SLOW_S:
            self.events = max(min(_LEAST_EVENTS, self._most), self.events // 2)
        elif seconds < _QUICK_S:
            self.events = min(self._most, self.events * 2)
