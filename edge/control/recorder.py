"""What the agent itself did, on its way to the log: nothing that acts waits for the disk."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

import structlog

from domain.events import Event
from eventlog.log import LogBroken
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

_MAX_WAITING = 5_000
_RETRY_S = 1.0

_AT_ONCE = 100  # in one transaction: a door that many go through costs one commit, not one each
Record = Callable[[Sequence[Event], Sequence[Statement]], Awaitable[None]]


class Recorder:
    """Events in order, each in one transaction with its statements. The oldest are dropped, and counted, when the log
    does not take them for so long that too many wait."""

    def __init__(self, record: Record, max_waiting: int = _MAX_WAITING) -> None:
        self._record = record
        self._waiting: deque[tuple[Event, Sequence[Statement]]] = deque()
        self._max_waiting = max_waiting
        self._some = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.listeners: list[Callable[[Event], None]] = []  # hear each event before it is durable

    def put(self, event: Event, also: Sequence[Statement] = ()) -> None:
        """Take an event; it is in the log a moment later."""
        self._waiting.append((event, also))
        if len(self._waiting) > self._max_waiting:
            self._waiting.popleft()
            self.counts["unrecorded"] += 1
        self._some.set()
        for listener in self.listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a listener's defect must not cost the door its order
                log.error("listener_failed", device=event.device, error=repr(error))

    @property
    def waiting(self) -> int:
        """How many events are not in the log yet."""
        return len(self._waiting)

    async def run(self) -> None:
        """Record what is put until cancelled. A log that does not take it is tried again."""
        while True:
            await self._some.wait()
            try:
                await self._record_all()
            except LogBroken as error:
                log.error("not_recorded", waiting=len(self._waiting), error=str(error))
                await asyncio.sleep(_RETRY_S)

    async def _record_all(self) -> None:
        while self._waiting:
            batch = list(islice(self._waiting, _AT_ONCE))
            await self._record([event for event, _ in batch], [one for _, also in batch for one in also])
            done = {id(one) for one in batch}
            while self._waiting and id(self._waiting[0]) in done:  # the oldest may have been dropped meanwhile
                self._waiting.popleft()
        self._some.clear()
