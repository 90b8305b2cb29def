"""The legal basis of a platform's feed: what it covers, and what of a record may go on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from domain.events import Event
from domain.feeds.classes import CLASSES, DataClass

_MOST_SIGNS = 200
_OF_PEOPLE = frozenset({"person", "card", "pin", "qr"})
# Where the gateway says whose card it was, and how devices call the holder.
_IDENTITY_EXT = frozenset({"card", "household", "resident", "holder", "person", "name", "phone", "id_number"})


class BadBasis(ValueError):
    """A basis that is none; the message says what is missing."""


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked for which records of which time, by which document. ``until`` is the moment from which on it ends."""

    unit: str
    document: str
    classes: frozenset[DataClass]
    since: datetime
    until: datetime
    identity_fields: bool = False
    ended_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Whether anything may go on it now."""
        return self.since <= now < self.until and (self.ended_at is None or now < self.ended_at)

    def covers(self, data_class: str, occurred_at: datetime) -> bool:
        return data_class in self.classes and self.since <= occurred_at < self.until


class Cover(msgspec.Struct, frozen=True):
    """What may go to a platform now: the bases in force, less the classes that are switched off."""

    bases: tuple[Basis, ...]
    off: frozenset[str] = frozenset()

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(name for basis in self.bases for name in basis.classes) - self.off

    def of(self, data_class: str, occurred_at: datetime) -> tuple[Basis, ...]:
        """The bases that a record goes on; none: it stays here."""
        if data_class in self.off:
            return ()
        return tuple(basis for basis in self.bases if basis.covers(data_class, occurred_at))

    def cut(self, event: Event, data_class: str) -> Event | None:
        """The record as it may go, or None."""
        bases = self.of(data_class, event.occurred_at)
        if not bases:
            return None
        faceless = event if self.of("face", event.occurred_at) else without_faces(event)
        return faceless if any(basis.identity_fields for basis in bases) else without_identity(faceless)


def cover(bases: Iterable[Basis], off: Collection[str], now: datetime) -> Cover:
    return Cover(tuple(basis for basis in bases if basis.is_in_force(now)), frozenset(off))


def check(basis: Basis, now: datetime) -> Basis:
    """Raises BadBasis: who asked, by what, for what, and for how long must all be said."""
    for name, text in (("unit", basis.unit), ("document", basis.document)):
        if not text.strip() or len(text) > _MOST_SIGNS:
            raise BadBasis(f"{name}: write 1 to {_MOST_SIGNS} signs")
    unknown = basis.classes - set(CLASSES)
    if unknown or not basis.classes:
        raise BadBasis(f"classes: choose some of {', '.join(CLASSES)}")
    if basis.until <= basis.since:
        raise BadBasis("until: it ends before it begins")
    if basis.until <= now:
        raise BadBasis("until: it has ended already")
    return basis


def without_identity(event: Event) -> Event:
    """Without who somebody is: the register's words, the holder's number; a plate is its class's own matter."""
    ext = {key: value for key, value in event.ext.items() if key not in _IDENTITY_EXT}
    subject = event.subject
    if subject is not None:
        subject = msgspec.structs.replace(subject, name=None, person_id=None)
        if subject.type in _OF_PEOPLE:
            subject = msgspec.structs.replace(subject, id=None, facility=None, number=None)
    return msgspec.structs.replace(event, subject=subject, ext=ext)


def without_faces(event: Event) -> Event:
    return msgspec.structs.replace(event, media=[one for one in event.media if one.role != "face"])
