"""Days as people of a place count them: a number from 1970-01-01, by the wall clock there."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

_FIRST = date(1970, 1, 1).toordinal()


def day_number(time: datetime, zone: tzinfo) -> int:
    """The day of an aware time in a zone: days since 1970-01-01."""
    return time.astimezone(zone).toordinal() - _FIRST


def date_of(number: int) -> date:
    """The date of a day's number."""
    return date.fromordinal(number + _FIRST)
