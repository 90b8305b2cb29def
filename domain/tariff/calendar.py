"""Days as numbers, and which of them are workdays: public holidays and make-up workdays by date, else the week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

DAY_S = 86_400
DayKind = Literal["workday", "restday"]

_EPOCH = date(1970, 1, 1).toordinal()
_WEEKDAY_OF_EPOCH = 3  # a Thursday, Monday being 0
_SATURDAY = 5


class Calendar:
    """The kind of each day. ``dated`` maps ``YYYY-MM-DD`` to its kind where the week alone would be wrong.

    Raises ValueError for what is no date.
    """

    def __init__(self, dated: Mapping[str, DayKind]) -> None:
        self._dated: dict[int, DayKind] = {
            date.fromisoformat(day).toordinal() - _EPOCH: kind for day, kind in dated.items()
        }

    def kind(self, local_s: int) -> DayKind:
        """The kind of the day of a moment, in local seconds since 1970-01-01 00:00."""
        day = local_s // DAY_S
        if day in self._dated:
            return self._dated[day]
        return "restday" if (day + _WEEKDAY_OF_EPOCH) % 7 >= _SATURDAY else "workday"
