"""Readers that stand at one place of a partition and look at one time are given one look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from eventlog.log import Record
from eventlog.together import Together

Read = Callable[[str, int, int], Awaitable[list[Record]]]


class Looks:
    """``read``, for many: two dozen readers follow each shard, are rung together, and mostly stand side by side."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._at: dict[tuple[str, int], Together[int, list[Record]]] = {}

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        """Records as they are now: each look begins after whoever it is for has asked."""
        place = (partition, after)
        together = self._at.setdefault(place, Together(partial(self._look, place)))
        try:
            return await together.ask(limit)
        finally:
            if not together.waiting:  # the next that comes here makes it anew
                self._at.pop(place, None)

    async def _look(self, place: tuple[str, int], limits: Sequence[int]) -> list[list[Record]]:
        found = await self._read(*place, max(limits))
        return [found[:limit] for limit in limits]
