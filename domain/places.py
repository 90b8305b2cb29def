"""Where things are: a complex, its wall clock and calendar, and the hours in which it sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from domain.tariff.calendar import Calendar, DayKind

_MIDNIGHT_END = "24:00"


class BadHours(Exception):
    """Hours that are no hours; says which."""


class Hours(msgspec.Struct, frozen=True):
    """Wall-clock hours ``[start, end)`` in minutes after midnight; ``end`` below ``start`` crosses midnight."""

    start_min: int
    end_min: int

    def hold(self, local: time) -> bool:
        """Whether a wall-clock time lies within."""
        minute = local.hour * 60 + local.minute
        if self.start_min <= self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


@lru_cache(4_096)
def hours(start: str, end: str) -> Hours:
    """``"23:00"``, ``"05:00"``; the end may be ``"24:00"``. Raises BadHours."""
    return Hours(_minute(start), 24 * 60 if end == _MIDNIGHT_END else _minute(end))


def _minute(text: str) -> int:
    try:
        parsed = time.fromisoformat(text)
    except ValueError as error:
        raise BadHours(f"{text!r} is not a time of day like 23:00") from error
    return parsed.hour * 60 + parsed.minute


class Place(msgspec.Struct, frozen=True):
    """What rules must know of a complex."""

    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")
    quiet: tuple[Hours, ...] = ()
    calendar: Calendar = Calendar({})

    def is_quiet(self, at: datetime) -> bool:
        """Whether ``at`` (aware) falls in the complex's quiet hours."""
        local = at.astimezone(self.zone).time()
        return any(span.hold(local) for span in self.quiet)

    def day_kind(self, at: datetime) -> DayKind:
        """Whether ``at`` (aware) lies on a workday or a day of rest, by the complex's clocks."""
        local = at.astimezone(self.zone).replace(tzinfo=UTC)
        return self.calendar.kind(int(local.timestamp()))
