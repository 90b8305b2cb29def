"""One writer at a time: what people wait for goes before what can wait a little, and neither waits for ever."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType

_MOST_AHEAD = 8  # so many of those that cannot wait, one behind the other, while one that can is waiting


class OneWriter:
    """A lock: ``async with lock`` goes ahead of ``async with lock.behind()``; each in the order in which they came."""

    def __init__(self, most_ahead: int = _MOST_AHEAD) -> None:
        self._ahead, self._behind = deque[asyncio.Future[None]](), deque[asyncio.Future[None]]()
        self._most_ahead, self._went_ahead = most_ahead, 0
        self._is_held = False

    async def __aenter__(self) -> None:
        await self._acquire(self._ahead)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    @asynccontextmanager
    async def behind(self) -> AsyncGenerator[None]:
        """For what can wait."""
        await self._acquire(self._behind)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, queue: deque[asyncio.Future[None]]) -> None:
        if not self._is_held:
            self._is_held = True
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given, and nobody is there to take it
                self._release()
            elif turn in queue:
                queue.remove(turn)
            raise

    def _release(self) -> None:
        turn = self._next()
        if turn is None:
            self._is_held = False
        else:
            turn.set_result(None)  # held all the while: whoever comes in between waits

    def _next(self) -> asyncio.Future[None] | None:
        first = self._ahead if not self._behind or self._went_ahead < self._most_ahead else self._behind
        for queue in (first, self._ahead, self._behind):
            while queue:
                turn = queue.popleft()
                if not turn.cancelled():
                    self._went_ahead = self._went_ahead + 1 if queue is self._ahead and self._behind else 0
                    return turn
        return None
