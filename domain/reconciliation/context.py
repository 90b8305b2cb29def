"""What every comparison goes by: the day, both clocks, and how near midnight is too near to tell."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from datetime import time as clock

import msgspec

from domain.reconciliation.books import Books, aware
from domain.reconciliation.gathered import Gathered
from domain.reconciliation.rows import CHINA

_DAY_S = 86_400


class Rules(msgspec.Struct, frozen=True):
    """Bounds that others may want otherwise."""

    cutoff_s: int = 300  # a payment this near midnight may be on the next bill
    tailgate_s: int = 6  # behind another car in its lane
    settle_days: int = 5  # a payout is at the bank by then, holidays included


class Context(msgspec.Struct, frozen=True):
    """A day's work."""

    day: date
    books: Books
    gathered: Gathered
    rules: Rules = Rules()

    @property
    def first(self) -> datetime:
        """When the providers' day begins."""
        return datetime.combine(self.day, clock())

    def local_day(self, time: datetime) -> date:
        """The day of one of our times by the wall clock of the place."""
        return time.date() if time.tzinfo is None else time.astimezone(self.books.zone).date()

    def time(self, time: datetime) -> datetime:
        """One of our times by the providers' clock."""
        if time.tzinfo is None and self.books.is_china:
            return time
        return aware(time, self.books.zone).astimezone(CHINA).replace(tzinfo=None)

    def expected_on(self, time: datetime | None) -> str:
        """Where money of ours that is not on the bill should be: ``here``, ``cutoff`` or ``elsewhere``."""
        if time is None:
            return "elsewhere"
        at = self.time(time)
        second = at.hour * 3600 + at.minute * 60 + at.second
        if at.date() == self.day:
            return "cutoff" if min(second, _DAY_S - second) <= self.rules.cutoff_s else "here"
        late = at.date() == self.day + timedelta(days=1) and second <= self.rules.cutoff_s
        return "cutoff" if late else "elsewhere"
