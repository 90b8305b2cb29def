"""How long closed items took: average, median and p90 hours, and how many were done in time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from statistics import fmean, median

import msgspec

from domain.items.item import Item

_HOUR = timedelta(hours=1)


class Figures(msgspec.Struct, frozen=True):
    """Over closed items, from being asked to being done: a review takes no more time from the doer. None: there are
    none. ``on_time``: of those that had a date."""

    closed: int = 0
    average_h: float | None = None
    median_h: float | None = None
    p90_h: float | None = None
    on_time: int = 0
    late: int = 0
    rated: int = 0
    stars: float | None = None


def figures(items: Iterable[Item]) -> Figures:
    closed = [item for item in items if item.status == "closed"]
    hours = sorted((item.done.at - item.asked.at) / _HOUR for item in closed if item.done is not None)
    in_time = [item.done.at <= item.sent.due_at for item in closed if item.done is not None and item.sent is not None]
    stars = [item.rated.stars for item in closed if item.rated is not None]
    if not hours:
        return Figures()
    return Figures(
        closed=len(closed),
        average_h=fmean(hours),
        median_h=median(hours),
        p90_h=percentile(hours, 90),
        on_time=sum(in_time),
        late=len(in_time) - sum(in_time),
        rated=len(stars),
        stars=fmean(stars) if stars else None,
    )


def percentile(ordered: list[float], percent: int) -> float:
    """The nearest rank: the least of the values that so many percent do not exceed. A value that there was."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
