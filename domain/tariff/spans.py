"""How a plan cuts a stay: cycles, windows over several stays, and free time. All times are local seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from domain.tariff.calendar import DAY_S
from domain.tariff.plan import Cycle, FreeTime, WindowCap

_MINUTE_S = 60


class Span(NamedTuple):
    """A cycle of a stay, from 1; ``complete`` where the stay lasts for the whole of it."""

    number: int
    start: int
    end: int
    complete: bool


def cycles(cycle: Cycle | None, start: int, end: int) -> Iterator[Span]:
    """The cycles of a stay: every so many hours from entry, or at each midnight, or the stay as one."""
    if cycle is None:
        yield Span(1, start, end, complete=False)
        return
    number = 0
    while start < end:
        number += 1
        following = (start // DAY_S + 1) * DAY_S if cycle.calendar_day else start + cycle.length_s
        complete = following <= end and following - start == cycle.length_s
        yield Span(number, start, min(following, end), complete)
        start = following


def free_until(free: FreeTime, span: Span, billed: tuple[int, int], lasts: int) -> int:
    """Until when a cycle of a stay is free; its own start where nothing of it is. The stay is ``billed`` from and to,
    and ``lasts`` until it is over."""
    limit_s = free.minutes * _MINUTE_S
    start, end = billed
    begun, over = (span.start, span.end) if free.repeat == "every_cycle" else (start, lasts)
    if span.end == end:
        over = max(over, lasts)
    if over - begun < limit_s or (free.inclusive and over - begun == limit_s):
        return span.end
    if free.mode == "from_start":
        return span.start
    return min(max(begun + limit_s, span.start), span.end)


def first_window(cap: WindowCap, start: int, opened: int | None) -> int:
    """The start of the window an entry falls in. ``opened`` is the last one the plate was inside in, if any."""
    if cap.calendar_day:
        return start // DAY_S * DAY_S
    return opened if opened is not None and start < opened + cap.length_s else start


def window_at(cap: WindowCap, first: int, moment: int) -> int:
    """The start of the window that holds at a moment of a stay whose first window began at ``first``."""
    return first + (moment - first) // cap.length_s * cap.length_s


def cut(cap: WindowCap | None, first: int, start: int, end: int) -> Iterator[tuple[int | None, int, int]]:
    """The pieces of a stretch of a stay, none of them empty, each with its window's start (None without windows)."""
    while start < end:
        window = None if cap is None else window_at(cap, first, start)
        until = end if cap is None or window is None else min(window + cap.length_s, end)
        yield window, start, until
        start = until
