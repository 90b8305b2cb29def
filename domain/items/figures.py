"""How long closed items took: average, median and p90 hours, and how many were done in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean, median

import msgspec

_HOUR = timedelta(hours=1)


class Closed(msgspec.Struct, frozen=True):
    """A closed item, as far as it is counted. ``done_at``: a review takes no more time from the doer."""

    category: str
    asked_at: datetime
    done_at: datetime
    due_at: datetime
    stars: int | None = None

    @property
    def hours(self) -> float:
        return (self.done_at - self.asked_at) / _HOUR


class Figures(msgspec.Struct, frozen=True):
    """Over closed items, from being asked to being done. None: there are none."""

    closed: int = 0
    average_h: float | None = None
    median_h: float | None = None
    p90_h: float | None = None
    on_time: int = 0
    late: int = 0
    rated: int = 0
    stars: float | None = None


def figures(closed: Sequence[Closed]) -> Figures:
    if not closed:
        return Figures()
    hours = sorted(one.hours for one in closed)
    on_time = sum(one.done_at <= one.due_at for one in closed)
    stars = [one.stars for one in closed if one.stars is not None]
    return Figures(
        closed=len(closed),
        average_h=fmean(hours),
        median_h=median(hours),
        p90_h=percentile(hours, 90),
        on_time=on_time,
        late=len(closed) - on_time,
        rated=len(stars),
        stars=fmean(stars) if stars else None,
    )


def by_category(closed: Iterable[Closed]) -> list[tuple[str, Figures]]:
    """Of each category that has some, the most first; of all of them under ""."""
    every = list(closed)
    found: dict[str, list[Closed]] = {}
    for one in every:
        found.setdefault(one.category, []).append(one)
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [("", figures(every)), *((name, figures(some)) for name, some in ordered)]


def percentile(ordered: list[float], percent: int) -> float:
    """The nearest rank: the least of the values that so many percent do not exceed. A value that there was."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
