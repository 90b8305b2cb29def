"""An entry of a watch list: never without the unit that approved it, its document, its purpose and its end."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from domain.plates import canonical, classify

MOST_DAYS = 366  # what is to be looked for longer is asked for anew
MOST_SIGNS = 200
State = Literal["waiting", "active", "over", "withdrawn"]
_WORDS = ("unit", "document", "purpose")


class BadEntry(ValueError):
    """What cannot be a watch list's entry; the message begins with the field and says what is wanted."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A plate, by whose order, and from when until before when it is looked for. ``plate`` is canonical."""

    plate: str
    unit: str  # that approved it
    document: str  # its number
    purpose: str
    begins: datetime
    ends: datetime

    def state(self, now: datetime, withdrawn_at: datetime | None = None) -> State:
        """Time alone ends it."""
        if withdrawn_at is not None and withdrawn_at <= now:
            return "withdrawn"
        if now >= self.ends:
            return "over"
        return "active" if now >= self.begins else "waiting"

    def __repr__(self) -> str:
        return "Entry(…)"  # a traceback must not tell who is looked for


def check(entry: Entry, now: datetime) -> Entry:
    """The entry as it may stand, its words tidied. Raises BadEntry."""
    said = {name: _word(name, getattr(entry, name)) for name in _WORDS}
    plate = canonical(entry.plate)
    if classify(plate) is None:
        raise BadEntry("plate: a whole number plate is wanted, such as 京A12345")
    _check_times(entry.begins, entry.ends, now)
    return msgspec.structs.replace(entry, plate=plate, **said)


def _word(name: str, text: str) -> str:
    found = " ".join(unicodedata.normalize("NFKC", text).split())
    if not found:
        raise BadEntry(f"{name}: must be said; without it nobody is looked for")
    if len(found) > MOST_SIGNS or not found.isprintable():
        raise BadEntry(f"{name}: at most {MOST_SIGNS} printable signs")
    return found


def _check_times(begins: datetime, ends: datetime, now: datetime) -> None:
    if begins.tzinfo is None or ends.tzinfo is None:
        raise BadEntry("ends: times want a zone, as 2026-12-01T20:00:00+08:00")
    if ends <= begins:
        raise BadEntry("ends: lies before the beginning")
    if ends <= now:
        raise BadEntry("ends: has gone by already")
    if ends - max(begins, now) > timedelta(days=MOST_DAYS):
        raise BadEntry(f"ends: at most {MOST_DAYS} days ahead; ask for it anew then")
