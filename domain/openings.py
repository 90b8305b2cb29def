"""Openings by hand counted by person: whose share of the passages stands out, and against which period before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

_LEAST, _TIMES = 5, 3.0  # so many at least, and so many times what the others open


class Opened(msgspec.Struct, frozen=True):
    """One opening by a person; ``by`` empty: the arm was lifted and nobody says by whom."""

    by: str
    reason: str
    day: str


class Tally(msgspec.Struct, frozen=True):
    """What one person opened in a period, by reason and by day; ``before`` in the period before."""

    by: str
    count: int
    before: int
    reasons: list[tuple[str, int]]
    days: list[tuple[str, int]]
    share: float  # of all passages
    is_outlier: bool

    @property
    def trend(self) -> int:
        return self.count - self.before


def tallies(opened: Iterable[Opened], before: Iterable[Opened], passages: int) -> list[Tally]:
    """By person, the most first. It stands out who opened five or more, and three times the median of the others.

    Who is alone is held against their own period before. Nobody's openings (``by`` empty) always stand out.
    """
    by: dict[str, list[Opened]] = {}
    for one in opened:
        by.setdefault(one.by, []).append(one)
    earlier = Counter(one.by for one in before)
    counts = {name: len(some) for name, some in by.items()}
    found = [
        Tally(
            name,
            len(some),
            earlier[name],
            Counter(one.reason for one in some).most_common(),
            sorted(Counter(one.day for one in some).items()),
            len(some) / passages if passages else 0.0,
            not name or _stands_out(name, counts, earlier[name]),
        )
        for name, some in by.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.by))


def _stands_out(name: str, counts: dict[str, int], before: int) -> bool:
    others = sorted(count for other, count in counts.items() if other and other != name)
    usual = others[(len(others) - 1) // 2] if others else before
    return counts[name] >= _LEAST and counts[name] >= _TIMES * max(usual, 1)
