"""The newest records of a partition, as they were appended here: whoever follows closely need not ask the database."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile

import msgspec

from eventlog.log import Record

AGE_S = 3.0  # what is older is asked of the database: it may have been rewritten since
_LOOK_S = 1.0  # another process may have appended: so often one who follows has to look for it


class Bound(msgspec.Struct, frozen=True):
    """Of one partition."""

    records: int = 256
    size_bytes: int = 1024 * 1024


BOUND = Bound()


class Tail:
    """Knows all records of its partition behind a position, or says that it does not know."""

    def __init__(self, bound: Bound = BOUND, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._bound, self._clock_s = bound, clock_s
        self._kept: deque[tuple[float, Record]] = deque()
        self._since: int | None = None  # all behind this position are kept
        self._size_bytes, self._looked_s = 0, 0.0

    def add(self, records: Sequence[Record]) -> None:
        """Records that were appended, in order, behind all that there were."""
        if self._since is None:
            self._since, self._looked_s = records[0].position - 1, self._clock_s()
        now_s = self._clock_s()
        for record in records:
            self._kept.append((now_s, record))
            self._size_bytes += len(record.body)
        self._let_go(now_s)

    def forget(self) -> None:
        """After anything but an append."""
        self._kept.clear()
        self._since, self._size_bytes = None, 0

    def behind(self, position: int, limit: int) -> list[Record] | None:
        """At most ``limit`` records behind a position; None where the database has to be asked, if only now and then
        for what another process may have appended."""
        now_s = self._clock_s()
        self._let_go(now_s)
        if self._since is None or position < self._since:
            return None
        found = self._newest_behind(position)[:limit]
        return found if found or now_s - self._looked_s < _LOOK_S else None

    def _newest_behind(self, position: int) -> list[Record]:
        found = list(takewhile(lambda record: record.position > position, (kept[1] for kept in reversed(self._kept))))
        return found[::-1]

    def looked(self, position: int, found: Sequence[Record]) -> None:
        """The database was asked for what is behind a position, and gave this."""
        self._looked_s = self._clock_s()
        if self._since is not None and found and found[-1].position > max(position, self._head()):
            self.forget()  # another process appended what is not here

    def _head(self) -> int:
        return self._kept[-1][1].position if self._kept else self._since or 0

    def _let_go(self, now_s: float) -> None:
        while self._kept and self._is_too_much(now_s):
            _, record = self._kept.popleft()
            self._since = record.position
            self._size_bytes -= len(record.body)

    def _is_too_much(self, now_s: float) -> bool:
        since_s, _ = self._kept[0]
        too_many = len(self._kept) > self._bound.records or self._size_bytes > self._bound.size_bytes
        return too_many or now_s - since_s > AGE_S
