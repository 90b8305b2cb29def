"""Many callers, one commit: what waits is committed together, and what waits is bounded in number and in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Bounds(msgspec.Struct, frozen=True):
    """``wait_s`` is how long the first of a group waits for company."""

    group_items: int = 500
    group_bytes: int = 32 * 1024 * 1024
    wait_s: float = 0.005
    queue_items: int = 5_000
    queue_bytes: int = 64 * 1024 * 1024


DEFAULT_BOUNDS = Bounds()


class GroupCommit(Generic[T]):
    """A bounded queue and its one committer. ``full`` asks the caller to stop taking in; ``drained`` says go on."""

    def __init__(
        self,
        commit: Callable[[list[T]], Awaitable[None]],
        bounds: Bounds = DEFAULT_BOUNDS,
        drained: Callable[[], None] = lambda: None,
    ) -> None:
        self._commit, self._bounds, self._drained = commit, bounds, drained
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._committing = False
        self.turns = 0  # commits that came to an end

    @property
    def full(self) -> bool:
        return len(self._items) >= self._bounds.queue_items or self._bytes >= self._bounds.queue_bytes

    @property
    def waiting(self) -> int:
        return len(self._items)

    @property
    def busy(self) -> bool:
        """Whether a commit is under way or something waits for the next."""
        return self._committing or bool(self._items)

    def offer(self, item: T, size_bytes: int) -> None:
        """Queue an item for the next commit. The caller looks at ``full`` and stops offering."""
        self._items.append((item, size_bytes))
        self._bytes += size_bytes
        self._some.set()
        if len(self._items) >= self._bounds.group_items:
            self._enough.set()

    async def run(self) -> None:
        """Commit until cancelled. An exception of ``commit`` ends the loop: the caller decides what is lost."""
        while True:
            await self._some.wait()
            await self._gather()
            group = self._take()
            self._committing = True
            await self._commit(group)
            self._committing = False
            self.turns += 1
            if not self.full:
                self._drained()

    async def _gather(self) -> None:
        if self._enough.is_set() or self._bounds.wait_s <= 0:
            return
        try:
            async with asyncio.timeout(self._bounds.wait_s):
                await self._enough.wait()
        except TimeoutError:
            return

    def _take(self) -> list[T]:
        group: list[T] = []
        size_bytes = 0
        while self._items and len(group) < self._bounds.group_items and size_bytes < self._bounds.group_bytes:
            item, item_bytes = self._items.popleft()
            group.append(item)
            size_bytes += item_bytes
        self._bytes -= size_bytes
        self._settle()
        return group

    def _settle(self) -> None:
        if not self._items:
            self._some.clear()
        if len(self._items) < self._bounds.group_items:
            self._enough.clear()
