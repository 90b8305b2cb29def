"""One writer at a time: an alarm goes before what people wait for, and that before what can wait a little."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Literal, get_args

Rank = Literal["first", "usual", "last"]
RANKS: tuple[Rank, ...] = get_args(Rank)
_MOST_AHEAD = 8  # so many of higher ranks, one behind the other, while one of a lower rank is waiting


class OneWriter:
    """A lock: who waits is served by rank, and within one in the order in which they came; nobody waits for ever.

    ``async with lock`` is of the usual rank, ``async with lock.at(rank)`` of another.
    """

    def __init__(self, most_ahead: int = _MOST_AHEAD) -> None:
        self._waiting: dict[Rank, deque[asyncio.Future[None]]] = {rank: deque() for rank in RANKS}
        self._went_ahead: dict[Rank, int] = dict.fromkeys(RANKS, 0)  # of higher ranks, since one of this was served
        self._most_ahead, self._is_held = most_ahead, False

    def at(self, rank: Rank) -> _At:
        """The same lock for those of one rank, to be entered as often as one likes."""
        return _At(self, rank)

    async def __aenter__(self) -> None:
        await self.acquire("usual")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def acquire(self, rank: Rank) -> None:
        if not self._is_held:
            self._is_held = True
            return
        turn, queue = asyncio.get_running_loop().create_future(), self._waiting[rank]
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given, and nobody is there to take it
                self.release()
            elif turn in queue:
                queue.remove(turn)
            raise

    def release(self) -> None:
        if (rank := self._next()) is None:
            self._is_held = False
            return
        self._note_served(rank)
        self._waiting[rank].popleft().set_result(None)  # held all the while: whoever comes in between waits

    def _next(self) -> Rank | None:
        """Whose turn it is: of the lowest rank that others went ahead of often enough, else of the highest."""
        waiting: list[Rank] = [rank for rank in RANKS if self._is_waiting(rank)]
        overdue: list[Rank] = [rank for rank in waiting if self._went_ahead[rank] >= self._most_ahead]
        return overdue[-1] if overdue else waiting[0] if waiting else None

    def _is_waiting(self, rank: Rank) -> bool:
        queue = self._waiting[rank]
        while queue and queue[0].cancelled():
            queue.popleft()
        return bool(queue)

    def _note_served(self, served: Rank) -> None:
        self._went_ahead[served] = 0
        for rank in RANKS[RANKS.index(served) + 1 :]:
            self._went_ahead[rank] = self._went_ahead[rank] + 1 if self._is_waiting(rank) else 0


class _At:
    """One rank's way into a lock."""

    def __init__(self, lock: OneWriter, rank: Rank) -> None:
        self._lock = lock
        self._rank: Rank = rank

    async def __aenter__(self) -> None:
        await self._lock.acquire(self._rank)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
