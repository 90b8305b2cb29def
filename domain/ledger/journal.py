"""A journal: what happened once, as lines that sum to nothing."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from domain.ledger.accounts import check_account

_MOST_FEN = 10**15
_MOST_LINES = 1_000


class Unbalanced(ValueError):
    """Lines that do not sum to 0, or are none; the message says of what."""


class Line(msgspec.Struct, frozen=True):
    """Debit is positive, credit negative, in fen."""

    account: str
    fen: int


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. ``source``, ``kind`` and ``source_id`` name it: it is booked once.

    ``business_day`` is the complex's own; ``corrects`` the number of a journal that this one takes back or mends.
    """

    source: str
    kind: str
    source_id: str
    occurred_at: datetime
    business_day: date
    memo: str
    lines: tuple[Line, ...]
    corrects: int | None = None

    def __post_init__(self) -> None:
        self._check_lines()
        if not (self.source and self.kind and self.source_id):
            raise ValueError("a journal says its source, its kind and its source's id: they are how it is booked once")
        if self.occurred_at.tzinfo is None:
            raise ValueError(f"journal {self.source} {self.source_id}: occurred_at has no time zone")

    @property
    def key(self) -> tuple[str, str, str]:
        """By what the same thing is known again."""
        return (self.source, self.kind, self.source_id)

    def _check_lines(self) -> None:
        where = f"journal {self.source} {self.kind} {self.source_id}"
        if not 2 <= len(self.lines) <= _MOST_LINES or sum(line.fen for line in self.lines):
            said = ", ".join(f"{line.account} {line.fen:+}" for line in self.lines) or "none"
            raise Unbalanced(f"{where}: the lines must be at least two and sum to 0 fen; they are {said}")
        for line in self.lines:
            check_account(line.account)
            if not line.fen or abs(line.fen) > _MOST_FEN:
                raise Unbalanced(f"{where}: {line.account} {line.fen:+} is no sum that moves")


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """A journal in its place in a complex's chain. ``meant_day``: where its own day was locked already."""

    number: int
    booked_at: datetime
    journal: Journal
    meant_day: date | None = None
    prev_hash: str
    hash: str


def reversal(of: Booked, *, kind: str, occurred_at: datetime, business_day: date, memo: str) -> Journal:
    """What takes a journal back: the same lines the other way round, pointing at it. Once for each ``kind``."""
    old = of.journal
    lines = tuple(Line(line.account, -line.fen) for line in old.lines)
    return Journal(
        source=old.source,
        kind=kind,
        source_id=old.source_id,
        occurred_at=occurred_at,
        business_day=business_day,
        memo=memo,
        lines=lines,
        corrects=of.number,
    )
