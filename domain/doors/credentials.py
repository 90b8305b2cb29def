"""Who may: cards, PINs, visitors' codes and phones' tokens, each with its doors, its time and its schedule."""

from __future__ import annotations

import re
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec import Meta

from domain.desired_words import Identity, Name, once
from domain.doors.secrets import SecretKind

MAX_ENTRIES, MAX_DOORS = 50_000, 200
_MAX_GROUPS = 50
# Entries are by the ten thousand, and hold no cycle: outside the garbage collector's count, or each of its rounds
# would hold up whoever stands at a door.
_UNUSED_SIGNS = frozenset("?[]")
_SEPARATORS = re.compile(r"[\s:-]+")
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
Moment = Annotated[datetime, Meta(tz=True)]


class DoorSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Doors by name; ``*`` stands for any signs, in both fields."""

    device: Identity
    points: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_DOORS)] = ("*",)

    def __post_init__(self) -> None:
        for pattern in (self.device, *self.points):
            if not _UNUSED_SIGNS.isdisjoint(pattern):
                raise ValueError(f"{pattern!r}: only * is a sign of a pattern")

    def holds(self, device: str, point: str) -> bool:
        return fnmatchcase(device, self.device) and any(fnmatchcase(point, pattern) for pattern in self.points)


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}, gc=False):
    """A card and what it opens, on the days ``from`` to ``until``, both included, in the site's zone; and of these,
    where they are named, from the moment ``from_at`` to the moment ``until_at``, both included.

    ``until`` is not optional: a gateway that is cut off goes on opening by its last list, but never past that day.
    """

    id: Identity
    card: Identity  # the number as readers give it; leading zeros and case do not count
    doors: Annotated[tuple[DoorSet, ...], Meta(max_length=MAX_DOORS)]
    until: date
    from_: date | None = None
    revoked: bool = False
    name: Name = ""
    groups: Annotated[tuple[Identity, ...], Meta(max_length=_MAX_GROUPS)] = ()  # of the document ``doors``
    schedule: Name = ""  # of the document ``doors``; "": always
    holder: Name = ""  # whose: several credentials of one person share a place inside; "": the entry's own
    first_card: bool = False  # lets others follow where a door waits for a first card
    passes_lock_down: bool = False
    from_at: Moment | None = None
    until_at: Moment | None = None

    def __post_init__(self) -> None:
        if not canonical_card(self.card):
            raise ValueError(f"card {self.id}: {self.card!r} is no card number")
        _check_window(self)


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}, gc=False):
    """What opens by being known or shown: kept as a digest. A visitor's code (``qr``) opens once; one that is ``used``
    was used at another gateway of the complex."""

    id: Identity
    kind: SecretKind
    digest: Digest
    doors: Annotated[tuple[DoorSet, ...], Meta(max_length=MAX_DOORS)]
    until: date
    from_: date | None = None
    revoked: bool = False
    name: Name = ""
    groups: Annotated[tuple[Identity, ...], Meta(max_length=_MAX_GROUPS)] = ()
    schedule: Name = ""
    holder: Name = ""
    first_card: bool = False
    passes_lock_down: bool = False
    duress_digest: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?$")] = (
        ""  # a second PIN: opens, and raises a silent alarm
    )
    from_at: Moment | None = None
    until_at: Moment | None = None
    used: bool = False

    def __post_init__(self) -> None:
        _check_window(self)
        if self.used and self.kind != "qr":
            raise ValueError(f"{self.id}: only a visitor's code (qr) is used up")
        if self.duress_digest and (self.kind != "pin" or self.duress_digest == self.digest):
            raise ValueError(f"{self.id}: duress_digest is that of a second PIN, other than the first")


Entry = Card | Known


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that opens something. What is not here opens nothing."""

    cards: Annotated[tuple[Card, ...], Meta(max_length=MAX_ENTRIES)]
    known: Annotated[tuple[Known, ...], Meta(max_length=MAX_ENTRIES)] = ()
    salt: Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){0,64}$")] = ""  # of the digests, in hex

    def __post_init__(self) -> None:
        once((entry.id for entry in (*self.cards, *self.known)), "card id")
        once((digest for entry in self.known for digest in (entry.digest, entry.duress_digest) if digest), "digest")
        if self.known and len(self.salt) < 32:
            raise ValueError("salt: at least 16 bytes in hex, where there are digests")


def canonical_card(number: str) -> str:
    """One spelling of a card number, "" for what is none: readers differ in blanks, colons, case and leading zeros."""
    folded = _SEPARATORS.sub("", number).upper()
    return folded.lstrip("0") if folded.isascii() and folded.isalnum() else ""


def _check_window(entry: Entry) -> None:
    if entry.from_ is not None and entry.until < entry.from_:
        raise ValueError(f"card {entry.id}: until {entry.until} is before from {entry.from_}")
    if entry.from_at is not None and entry.until_at is not None and entry.until_at < entry.from_at:
        raise ValueError(f"card {entry.id}: until_at {entry.until_at} is before from_at {entry.from_at}")
