"""What a gateway states of its log, day by day: the numbers that the centre's are held against."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from domain.events import Stream

MAX_ROWS = 5_000
MAX_UNTAKEN = 2_000
_LAST_DAY = 2_567_000  # in the year 8998: within what a date can hold, in any zone

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Day = Annotated[int, msgspec.Meta(ge=0, le=_LAST_DAY)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Row(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One day of one stream's epoch, as the gateway's own tally has it.

    ``unsent`` of the ``held`` lie beyond ``through``, the centre's watermark at that moment; ``trimmed`` were let go
    after the centre had them, ``dropped`` before, for want of room. Produced = held + trimmed + dropped, always.
    """

    stream: Stream
    epoch: Name
    day: Day
    produced: Count
    held: Count
    unsent: Count
    trimmed: Count
    dropped: Count
    through: Count

    @property
    def key(self) -> tuple[str, str, int]:
        return self.stream, self.epoch, self.day

    @property
    def unaccounted(self) -> int:
        """How many of the produced are neither held nor let go by rule; below 0: more are there than were produced."""
        return self.produced - self.held - self.trimmed - self.dropped


class Untaken(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Messages of a day that became no record, and why: parked, limited, unchanged, repeats. They say how the day
    was; no balance holds them."""

    day: Day
    reason: Name
    count: Count


CARRIED_ALL = -1


class Carried(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Records of a store that was set aside, appended anew under the present epoch. ``epoch`` is the one they had;
    ``day`` CARRIED_ALL says that all that could be read of it was, and its ``count`` how many could not be read."""

    stream: Stream
    epoch: Name
    day: Annotated[int, msgspec.Meta(ge=CARRIED_ALL, le=_LAST_DAY)]
    count: Count


class Present(msgspec.Struct, frozen=True):
    """A stream's present epoch, and the centre's watermark of it that a statement goes by."""

    epoch: Name
    through: Count


class Statement(msgspec.Struct, frozen=True):
    """A gateway's tally, read in one transaction: the rows that are new since the last, or all."""

    made_at: Moment
    zone: Name  # of the days
    streams: Annotated[dict[Stream, Present], msgspec.Meta(max_length=16)]
    rows: Annotated[list[Row], msgspec.Meta(max_length=MAX_ROWS)]
    untaken: Annotated[list[Untaken], msgspec.Meta(max_length=MAX_UNTAKEN)] = []
    carried: Annotated[list[Carried], msgspec.Meta(max_length=MAX_ROWS)] = []
