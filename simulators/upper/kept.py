"""What the platform took: each object once by its number, how often it came, and in which order per device."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime

import msgspec

from simulators.upper.found import Found, Said, without_pictures

_MOST = 2_000_000
_MOST_WHOLE = 200_000  # of these the fields are kept, the oldest given up first


class Full(Exception):
    """No more objects can be counted once."""


class Record(msgspec.Struct):
    """``times``: how often it was taken; ``differing``: how often otherwise than at first."""

    serial: int
    id: str
    kind: str
    device: str
    first_at: datetime
    last_at: datetime
    times: int = 1
    differing: int = 0
    within: str = ""
    said: Said | None = None
    digest: bytes = b""


class Counts(msgspec.Struct, frozen=True):
    """``repeats``: receptions beyond each object's first; ``unread``: behind the first, where only that is read."""

    once: int
    repeats: int
    differing: int
    unread: int
    by_kind: dict[str, int]
    requests: dict[str, int]
    refused: list[str]


class Kept:
    """By kind and number. ``weigh``: whether pictures are hashed and fields kept; a measurement leaves that out."""

    def __init__(self, weigh: bool = True) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.requests: Counter[str] = Counter()
        self.refused: list[str] = []
        self.unread = 0
        self._weigh, self._whole_from = weigh, 0

    def known(self, one: Found) -> bool:
        return (one.kind, one.id) in self.records

    def take(self, one: Found, now: datetime) -> None:
        """Raises Full."""
        record = self.records.get((one.kind, one.id))
        if record is None:
            self._begin(one, now)
            return
        record.times += 1
        record.last_at = now
        record.differing += self._weigh and _digest(one) != record.digest

    def _begin(self, one: Found, now: datetime) -> None:
        serial = len(self.records) + 1
        if serial > _MOST:
            raise Full(f"{_MOST} objects were taken; start me again")
        record = Record(serial, one.id, one.kind, one.device, now, now, within=one.within)
        if self._weigh:
            record.said, record.digest = without_pictures(one.said), _digest(one)
        self.records[one.kind, one.id] = record
        if serial > _MOST_WHOLE:
            self._thin()

    def _thin(self) -> None:
        """The fields of the oldest tenth go; their numbers stay."""
        if len(self.records) - self._whole_from <= _MOST_WHOLE:
            return
        until = self._whole_from + _MOST_WHOLE // 10
        for record in list(self.records.values())[self._whole_from : until]:
            record.said = None
        self._whole_from = until

    def refuse(self, why: str) -> None:
        if len(self.refused) < 10_000:
            self.refused.append(why)

    def of(self, kind: str = "", device: str = "") -> list[Record]:
        """In the order in which each came first."""
        found = self.records.values()
        return [one for one in found if kind in ("", one.kind) and device in ("", one.device)]

    def order(self) -> dict[str, list[str]]:
        """The numbers of each device's objects, in the order in which each came first."""
        found: dict[str, list[str]] = {}
        for record in self.records.values():
            found.setdefault(record.device, []).append(record.id)
        return found

    def counts(self) -> Counts:
        records = self.records.values()
        return Counts(
            once=len(records),
            repeats=sum(one.times - 1 for one in records),
            differing=sum(one.differing for one in records),
            unread=self.unread,
            by_kind=dict(Counter(one.kind for one in records)),
            requests=dict(self.requests),
            refused=self.refused[-100:],
        )


def _digest(one: Found) -> bytes:
    return hashlib.sha256(msgspec.json.encode(without_pictures(one.said), order="sorted")).digest()
