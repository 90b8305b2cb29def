"""Things by when they were: found by time however many there are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from server.store.engine import stamp

# Windows nearer to each other than this are read as one.
_MERGED_WITHIN = timedelta(minutes=10)
Of = tuple[str, ...]


class Moments:
    """Names with their times (as ``stamp`` writes them), in order."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, str]] = []

    def add(self, at: str, name: str) -> None:
        insort(self._kept, (at, name))

    def between(self, first: str, last: str) -> list[tuple[str, str]]:
        """Those from ``first`` to ``last``, both inclusive."""
        return self._kept[self._slice(first, last)]

    def take(self, first: str, last: str) -> list[tuple[str, str]]:
        """The same; they are no longer kept."""
        span = self._slice(first, last)
        taken = self._kept[span]
        del self._kept[span]
        return taken

    def last_until(self, at: str) -> tuple[str, str] | None:
        """The latest that is not after ``at``."""
        index = bisect_right(self._kept, at, key=_time)
        return self._kept[index - 1] if index else None

    def _slice(self, first: str, last: str) -> slice:
        return slice(bisect_left(self._kept, first, key=_time), bisect_right(self._kept, last, key=_time))


def _time(kept: tuple[str, str]) -> str:
    return kept[0]


def windows(asked: Iterable[tuple[Of, datetime]], before: timedelta, after: timedelta) -> Iterator[Of]:
    """Of what, from when and until when, for moments of things; windows that are near each other are one."""
    moments: defaultdict[Of, list[datetime]] = defaultdict(list)
    for of, at in asked:
        moments[of].append(at)
    for of, times in moments.items():
        for first, last in _runs(sorted(times)):
            yield (*of, stamp(first - before), stamp(last + after))


def _runs(times: list[datetime]) -> Iterator[tuple[datetime, datetime]]:
    first = last = times[0]
    for at in times:
        if at - last > _MERGED_WITHIN:
            yield first, last
            first = at
        last = at
    yield first, last
