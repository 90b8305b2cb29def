"""In which shard something came that may be an alarm: who breathes there goes on at once."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable

from eventlog.follow import rung_or_after


class Hurry:
    """Counts what is urgent, so that nobody who comes late to wait sleeps over what came before."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._breathing: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.elsewhere: Callable[[str], None] = lambda _shard: None  # tells the other processes

    def call(self, shard: str) -> None:
        """What was taken here presses, whichever process reads it."""
        self.ring(shard)
        self.elsewhere(shard)

    def ring(self, shard: str) -> None:
        self._counts[shard] += 1
        for bell in self._breathing[shard]:
            bell.set()

    def count(self, shard: str) -> int:
        """How often it was rung there."""
        return self._counts[shard]

    async def breathe(self, shard: str, seconds: float, known: int) -> None:
        """Until then, or until it is rung; not at all where it was since ``known``."""
        bell = asyncio.Event()
        if self.count(shard) != known:
            return
        self._breathing[shard].add(bell)
        try:
            await rung_or_after(bell, seconds)
        finally:
            self._breathing[shard].discard(bell)
