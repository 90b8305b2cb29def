"""Who is known at the lanes: passes, black, white and temporary plates, plates looked for; exact plates only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.desired_bodies import Pass, Passes, Watched, WatchLists
from domain.desired_words import Identity, Name
from domain.plates import canonical

_MAX_ENTRIES = 50_000
Which = Literal["black", "white", "temporary"]
Time = Annotated[datetime, Meta(tz=True)]


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A plate on a list: ``white`` and ``temporary`` open, ``black`` does not. A temporary one always ends."""

    plate: Identity
    list: Which
    from_: Time | None = None
    until: Time | None = None
    why: Name = ""

    def __post_init__(self) -> None:
        if not canonical(self.plate):
            raise ValueError(f"{self.plate!r} is no plate")
        if self.list == "temporary" and self.until is None:
            raise ValueError(f"{self.plate}: a temporary plate needs `until`")
        if self.from_ and self.until and self.until < self.from_:
            raise ValueError(f"{self.plate}: until {self.until} is before from {self.from_}")

    def holds(self, at: datetime) -> bool:
        return (self.from_ is None or self.from_ <= at) and (self.until is None or at <= self.until)


class PlateLists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The desired state of kind ``plate_lists``. A plate may stand on several: black beats the others."""

    entries: Annotated[tuple[Listed, ...], Meta(max_length=_MAX_ENTRIES)]


class Register:
    """What is known of plates, ready to be asked. Only the exact canonical plate counts, never a similar one."""

    def __init__(
        self,
        passes: Passes | None = None,
        lists: PlateLists | None = None,
        watched: WatchLists | None = None,
        version: str = "",
    ) -> None:
        """``version`` names the documents, for the record of a decision."""
        self.version = version
        self._passes = {canonical(entry.plate): entry for entry in (passes.passes if passes else ())}
        self._lists = _by_plate(lists.entries if lists else ())
        self._watched = {canonical(entry.plate): entry for entry in (watched.entries if watched else ())}

    def pass_of(self, plate: str) -> Pass | None:
        """The pass of a plate, also one that has ended."""
        return self._passes.get(plate) if plate else None

    def listed(self, plate: str, at: datetime) -> Which | None:
        """On which list a plate stands at a moment."""
        lists = {entry.list for entry in self._lists.get(plate, ()) if entry.holds(at)}
        return next((which for which in ("black", "white", "temporary") if which in lists), None)

    def watched(self, plate: str, today: date) -> Watched | None:
        """What a plate is looked for, today."""
        entry = self._watched.get(plate)
        return entry if entry is not None and today <= entry.until else None


def today_at(at: datetime, zone: ZoneInfo) -> date:
    """The site's day."""
    return at.astimezone(zone).date()


def _by_plate(entries: Iterable[Listed]) -> dict[str, list[Listed]]:
    found: dict[str, list[Listed]] = {}
    for entry in entries:
        found.setdefault(canonical(entry.plate), []).append(entry)
    return found
