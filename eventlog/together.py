"""Many callers, one look: who asks while the last look is under way is answered by the next, all of them at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_MOST = 500
_PATIENCE_S, _PATIENT_AT = 0.1, 2_000  # of so many who come again and again: fewer have less of it


def patience_s(callers: int) -> float:
    """How long to wait for company where so many callers come by turns: nothing to speak of where they are few."""
    return _PATIENCE_S * min(1.0, callers / _PATIENT_AT)


class Together(Generic[T, R]):
    """The first caller is served at once, unless there is patience for company, and a crowd by the group.

    Every look begins after the questions it answers were put, so that it sees what they may rely on.
    """

    def __init__(
        self,
        answer: Callable[[list[T]], Awaitable[Sequence[R]]],
        most: int = _MOST,
        patience_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """``answer`` gives the answers of a list of questions, in their order. ``patience_s``: how long the first
        question waits for others, where they come one by one and none is in a hurry."""
        self._answer, self._most, self._patience_s = answer, most, patience_s
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._working: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait for the next look."""
        return len(self._waiting)

    async def ask(self, question: T) -> R:
        """The answer; an exception of the look is raised to all that it was for."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        if (wait_s := self._patience_s()) > 0:
            await asyncio.sleep(wait_s)
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            try:
                answers = await self._answer([question for question, _ in group])
            except asyncio.CancelledError:
                for _, future in group:
                    future.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - whose question it was decides what becomes of it
                _fail(group, error)
                continue
            for (_, future), answer in zip(group, answers, strict=True):
                if not future.done():  # who hung up
                    future.set_result(answer)


def _fail(group: Sequence[tuple[object, asyncio.Future[R]]], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
