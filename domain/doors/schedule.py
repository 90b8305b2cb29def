"""When: the hours of each day of the week, and other hours on holidays; by the clocks of the site."""

from __future__ import annotations

import re
from collections.abc import Set
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.desired_words import Identity

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")
_DAY_MIN = 24 * 60
Hours = Annotated[tuple[str, ...], Meta(max_length=10)]


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours as ``08:00-18:00``, the end not included; a night is two of them, to 24:00 and from 00:00."""

    id: Identity
    mon: Hours = ()
    tue: Hours = ()
    wed: Hours = ()
    thu: Hours = ()
    fri: Hours = ()
    sat: Hours = ()
    sun: Hours = ()
    holiday: Hours = ()

    def __post_init__(self) -> None:
        for day in (*DAYS, "holiday"):
            for hours in getattr(self, day):
                minutes(hours)

    def holds(self, local: datetime, holidays: Set[date]) -> bool:
        """Whether it is time, ``local`` being the site's clock."""
        day = "holiday" if local.date() in holidays else DAYS[local.weekday()]
        now = local.hour * 60 + local.minute
        return any(begins <= now < ends for begins, ends in map(minutes, getattr(self, day)))


def minutes(hours: str) -> tuple[int, int]:
    """The minutes of the day. Raises ValueError."""
    found = _HOURS.fullmatch(hours)
    begins, ends = (0, 0) if found is None else (_minute(found, 1), _minute(found, 3))
    if not begins < ends <= _DAY_MIN:
        raise ValueError(f"{hours!r} is no time of a day such as 08:00-18:00")
    return begins, ends


def _minute(found: re.Match[str], group: int) -> int:
    return int(found[group]) * 60 + int(found[group + 1])
