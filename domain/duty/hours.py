"""Deadlines that count working hours alone: so many seconds after a moment, weekends and holidays apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from domain.places import Hours, Place

MOST_DAYS = 400  # nothing waits longer, whatever the calendar says
_MIDNIGHT = 24 * 60


def end_of_wait(start: datetime, wait_s: float, working: Sequence[Hours], place: Place) -> datetime:
    """When so much working time has passed since ``start``; without ``working`` hours all time counts."""
    left = timedelta(seconds=wait_s)
    for begins, ends in _spans(start, working, place) if working else ():
        begins = max(begins, start)
        if ends > begins and left <= ends - begins:
            return begins + left
        left -= max(ends - begins, timedelta())
    return start + timedelta(seconds=wait_s)


def _spans(start: datetime, working: Sequence[Hours], place: Place) -> Iterator[tuple[datetime, datetime]]:
    """The working hours of each workday from that of ``start`` on."""
    first = start.astimezone(place.zone).date()
    for ahead in range(MOST_DAYS):
        day = first + timedelta(days=ahead)
        if place.day_kind(moment(day, 0, place)) == "workday":
            for span in sorted(working, key=lambda one: one.start_min):
                yield moment(day, span.start_min, place), moment(day, span.end_min, place)


def moment(day: date, minute: int, place: Place) -> datetime:
    """A minute of a day by the place's clocks, 24:00 included."""
    local = datetime.combine(day + timedelta(days=minute // _MIDNIGHT), time(minute % _MIDNIGHT // 60, minute % 60))
    return local.replace(tzinfo=place.zone).astimezone(UTC)
