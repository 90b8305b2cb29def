"""A request to look back at kept records: who asks, on which basis, for what, and that another person allows it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from domain.feeds.basis import Basis, Cover
from domain.feeds.classes import OF_RECORDS, DataClass

MOST_DAYS = 31
_MOST_SIGNS = 200


class BadRetrieval(ValueError):
    """A request that cannot be; the message says what is missing."""


class NotTwo(Exception):
    """Who asks may not allow it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    applicant: str
    unit: str
    document: str
    purpose: str
    since: datetime
    until: datetime
    classes: frozenset[DataClass]

    @property
    def cover(self) -> Cover:
        """What may be shown of it: as on a platform's basis, and never who somebody is."""
        unit, document, since, until = self.unit, self.document, self.since, self.until
        return Cover((Basis(unit=unit, document=document, classes=self.classes, since=since, until=until),))


def check(wanted: Wanted) -> Wanted:
    """Raises BadRetrieval."""
    for name in ("applicant", "unit", "document", "purpose"):
        text = getattr(wanted, name)
        if not text.strip() or len(text) > _MOST_SIGNS:
            raise BadRetrieval(f"{name}: write 1 to {_MOST_SIGNS} signs")
    if not wanted.classes or not wanted.classes <= set(OF_RECORDS):
        raise BadRetrieval(f"classes: choose some of {', '.join(OF_RECORDS)}")
    if not timedelta() < wanted.until - wanted.since <= timedelta(days=MOST_DAYS):
        raise BadRetrieval(f"until: behind since, and at most {MOST_DAYS} days")
    return wanted


def need_two(asked_by: str, decided_by: str) -> None:
    """Raises NotTwo."""
    if asked_by == decided_by:
        raise NotTwo("who asks may not allow it: somebody else must")
