"""What doors remember between two people: who is where, what was used, who tried, what stands open, and fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import msgspec

ReaderName = tuple[str, str]  # device, point
MAX_TRIES_KEPT = 100


class Went(msgspec.Struct, frozen=True):
    """Somebody went into an area."""

    holder: str
    area: str


class Used(msgspec.Struct, frozen=True):
    """A visitor's code was used: it opens nothing any more, whatever its entry is called next."""

    digest: str


class FirstCame(msgspec.Struct, frozen=True):
    """Who others may follow came to a door on a day."""

    door: str
    day: date


class Tried(msgspec.Struct, frozen=True):
    """Somebody tried something wrong at a reader; ``until``: which is locked out for that."""

    reader: ReaderName
    at: datetime
    until: datetime | None = None


class Let(msgspec.Struct, frozen=True):
    """Somebody was let in at a reader; the door may stand open until then."""

    reader: ReaderName
    door: str
    until: datetime


Effect = Went | Used | FirstCame | Tried | Let


@dataclass
class DoorState:
    """Everything a verdict depends on beside the documents and the moment."""

    areas: dict[str, str] = field(default_factory=dict[str, str])  # holder -> area
    used: set[str] = field(default_factory=set[str])  # digests
    first: dict[str, date] = field(default_factory=dict[str, date])  # door -> day
    tries: dict[ReaderName, list[datetime]] = field(default_factory=dict[ReaderName, list[datetime]])
    locked_out: dict[ReaderName, datetime] = field(default_factory=dict[ReaderName, datetime])
    unlocked: dict[str, datetime] = field(default_factory=dict[str, datetime])  # door -> until
    standing_open: set[str] = field(default_factory=set[str])  # doors
    contacts: set[str] = field(default_factory=set[str])  # doors of which it is known how they stand
    fire: bool = False
    lock_down: bool = False

    def apply(self, effects: Sequence[Effect]) -> None:
        """What a verdict entailed."""
        for effect in effects:
            self._apply(effect)

    def _apply(self, effect: Effect) -> None:
        match effect:
            case Went(holder, area):
                self.areas[holder] = area
            case Used(digest):
                self.used.add(digest)
            case FirstCame(door, day):
                self.first[door] = day
            case Tried():
                self._try(effect)
            case Let(reader, door, until):
                self.tries.pop(reader, None)
                if door:
                    self.unlocked[door] = until

    def _try(self, tried: Tried) -> None:
        if tried.until is not None:
            self.locked_out[tried.reader] = tried.until
            self.tries.pop(tried.reader, None)
            return
        kept = self.tries.setdefault(tried.reader, [])
        kept.append(tried.at)
        del kept[:-MAX_TRIES_KEPT]

    def recent_tries(self, reader: ReaderName, at: datetime, within_s: float) -> int:
        """How many wrong ones there were at a reader, one after the other, within so long."""
        since = at - timedelta(seconds=within_s)
        return sum(1 for tried in self.tries.get(reader, ()) if since < tried <= at)
