"""One screen that listens: its scope, its language, and what waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection


class Screen:
    """One subscriber: what waits for it, never more than a bound. One that does not keep up is let go."""

    def __init__(self, complexes: Collection[str] | None, language: str, most: int) -> None:
        self.complexes: frozenset[str] = frozenset(complexes or ())
        self.language, self.left = language, False
        self.beat_at_s = self.ends_at_s = 0.0  # of the loop's clock; the hub keeps them
        self._most, self._waiting = most, list[bytes]()
        self._wake: asyncio.Future[None] | None = None

    def sees(self, complex_id: str) -> bool:
        return not self.complexes or complex_id in self.complexes

    def offer(self, body: bytes) -> None:
        if len(self._waiting) >= self._most:
            self.leave()
        else:
            self._waiting.append(body)
            self._ring()

    def leave(self) -> None:
        """End it; what waits is not sent: it will be asked for again."""
        self.left = True
        self._ring()

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def next(self) -> bytes | None:
        """All that waits, in one piece; None at the end. A single message is the very bytes that were offered."""
        while not (self._waiting or self.left):
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        if self.left:
            return None
        bodies, self._waiting = self._waiting, []
        return bodies[0] if len(bodies) == 1 else b"".join(bodies)
