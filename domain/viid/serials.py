"""Serials of identifiers: five digits a second and device, never given twice, and a record keeps what it once got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from domain.viid.ids import MOST_SERIAL
from domain.viid.times import stamp

_SECOND = timedelta(seconds=1)


class Wanted(msgspec.Struct, frozen=True):
    """A record that needs ``count`` serials of a device, in the second of ``at`` or as soon after it as there are."""

    record: bytes
    code: str
    at: datetime
    count: int = 1


class Issued(msgspec.Struct, frozen=True):
    """What it got: ``first`` and those after it, in the second of ``at``."""

    at: datetime
    first: int


class Serials(Protocol):
    """Where serials are kept: what was given must be durable before anybody sees it."""

    async def take(self, wanted: Sequence[Wanted]) -> Sequence[Issued]:
        """One for each, in order; a record that comes again gets what it got before."""
        ...


def issue(wanted: Wanted, last: Mapping[tuple[str, str], int]) -> Issued:
    """The next serials, where ``last`` says which were given of (device, second). A full second leaves for the next."""
    at = wanted.at.replace(microsecond=0)
    while last.get((wanted.code, stamp(at)), 0) + wanted.count > MOST_SERIAL:
        at += _SECOND
    return Issued(at, last.get((wanted.code, stamp(at)), 0) + 1)


class SerialsInMemory:
    """Serials of one life of a process: for simulators and tests."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], int] = {}
        self._issued: dict[tuple[str, bytes], Issued] = {}

    async def take(self, wanted: Sequence[Wanted]) -> Sequence[Issued]:
        return [self._one(one) for one in wanted]

    def _one(self, wanted: Wanted) -> Issued:
        key = (wanted.code, wanted.record)
        if key not in self._issued:
            issued = issue(wanted, self._last)
            self._last[wanted.code, stamp(issued.at)] = issued.first + wanted.count - 1
            self._issued[key] = issued
        return self._issued[key]
