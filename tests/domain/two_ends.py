"""A gateway and a centre in numbers alone: one stream, one epoch, with every way in which a record can go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from domain.conservation import Counted, GapCount, Judged, compare
from domain.statements import Row

NAME = ("routine", "e1")


class TwoEnds:
    """The gateway's log with its tally, the centre's batches with its mark, and what lies between."""

    def __init__(self) -> None:
        self.days: dict[int, int] = {}  # of every sequence ever appended
        self.kept: dict[int, int] = {}  # sequence -> day
        self.dropped_sequences: set[int] = set()
        self.trimmed, self.dropped = Counter[int](), Counter[int]()
        self.acknowledged = 0  # as the gateway knows it
        self.mark = 0
        self.batches: list[list[int]] = []
        self.folded = 0  # how many of the batches are counted by day
        self.gone: list[list[int]] = []  # batches removed by hand
        self.gaps: list[tuple[int, int, str]] = []
        self.rows: dict[int, Row] = {}
        self.made = self.heard = self.through = 0

    def append(self, day: int) -> None:
        sequence = len(self.days) + 1
        self.days[sequence] = self.kept[sequence] = day

    def send(self, most: int, *, is_answered: bool = True) -> None:
        """What is behind the watermark that the gateway knows: a batch, or the gap before it."""
        if self.acknowledged >= len(self.days):
            return
        after = sorted(sequence for sequence in self.kept if sequence > self.acknowledged)
        first = after[0] if after else len(self.days) + 1
        if first > self.acknowledged + 1:
            self._declare(self.acknowledged + 1, first - 1)
        else:
            run = [sequence for index, sequence in enumerate(after[:most]) if sequence == first + index]
            self._arrive(run)
        if is_answered:
            self.acknowledged = self.mark

    def _declare(self, first: int, last: int) -> None:
        """As the agent does: the spans of one reason, those that the centre has already left out."""
        first = max(first, self.mark + 1)
        if first > last:
            return
        is_dropped = first in self.dropped_sequences
        end = first
        while end < last and (end + 1 in self.dropped_sequences) == is_dropped:
            end += 1
        self.gaps.append((first, end, "capacity" if is_dropped else "missing"))
        self.mark = end

    def _arrive(self, run: list[int]) -> None:
        fresh = [sequence for sequence in run if sequence > self.mark]
        if fresh and fresh[0] == run[0]:  # an overlap is refused and cut again at the mark
            self.batches.append(fresh)
            self.mark = fresh[-1]

    def trim(self, count: int) -> None:
        for sequence in sorted(self.kept)[:count]:
            if sequence <= self.acknowledged:
                self.trimmed[self.kept.pop(sequence)] += 1

    def drop(self, count: int) -> None:
        for sequence in [sequence for sequence in sorted(self.kept) if sequence > self.acknowledged][:count]:
            self.dropped[self.kept.pop(sequence)] += 1
            self.dropped_sequences.add(sequence)

    def fold(self, batches: int) -> None:
        self.folded = min(len(self.batches), self.folded + batches)

    def state(self) -> tuple[int, int, list[Row]]:
        """A statement as it leaves the gateway: its number, its watermark, its rows."""
        self.made += 1
        produced, held = Counter(self.days.values()), Counter(self.kept.values())
        unsent = Counter(day for sequence, day in self.kept.items() if sequence > self.acknowledged)
        gone = ((day, (self.trimmed[day], self.dropped[day], self.acknowledged)) for day in produced)
        rows = [Row("routine", "e1", day, produced[day], held[day], unsent[day], *rest) for day, rest in gone]
        return self.made, self.acknowledged, rows

    def hear(self, statement: tuple[int, int, list[Row]]) -> None:
        number, through, rows = statement
        if number >= self.heard:
            self.heard, self.through = number, through
            self.rows |= {row.day: row for row in rows}

    def settle(self) -> None:
        """Everything sent, counted and stated."""
        while self.acknowledged < len(self.days):
            self.send(50)
        self.fold(len(self.batches))
        self.hear(self.state())

    def judged(self) -> list[Judged]:
        return compare(NAME, list(self.rows.values()), self._counted(), is_present=True)

    def verdicts(self) -> set[str]:
        return {day.verdict for day in self.judged()}

    def _counted(self) -> Counted:
        received, lost = Counter[int](), Counter[int]()
        for batch in self.batches[: self.folded]:
            if batch[-1] <= self.through:
                received.update(self.days[sequence] for sequence in batch)
        for batch in self.gone:
            lost.update(self.days[sequence] for sequence in batch)
        uncounted = sum(len(batch) for batch in self.batches[self.folded :])
        gaps = [
            GapCount(reason, last - first + 1, self.days[first])
            for first, last, reason in self.gaps
            if last <= self.through or reason != "trimmed"
        ]
        return Counted(self.mark, received, lost, {}, gaps, uncounted)


def differences(days: list[Judged]) -> Mapping[str, int]:
    """All differences of the days together."""
    found = Counter[str]()
    for day in days:
        found.update(day.differences)
    return found
