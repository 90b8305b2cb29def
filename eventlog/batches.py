"""What the centre's log is on any engine: how batches are judged together, and what is damaged or lost in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from domain.wire import BadBatch, Header, read_header
from eventlog.log import Arrival, Receipt, Wanted, judge

Key = tuple[str, str, str]  # gateway, stream, epoch: what has a mark


class Judged(msgspec.Struct, frozen=True):
    """What is to be written for a call: its batches to store, in order, and the marks that move by them."""

    receipts: list[Receipt]
    stored: list[Arrival]
    moved: dict[Key, int]


def judge_all(arrivals: Sequence[Arrival], marks: Mapping[Key, int], closed: Collection[str] = ()) -> Judged:
    """Judge batches one after the other, each by the marks that those before it leave. No mark is 0.

    Nothing of a ``closed`` complex is stored: another cell's log goes on from what is here.
    """
    judged = Judged([], [], {})
    for arrival in arrivals:
        key = key_of(arrival)
        if arrival.complex in closed:
            judged.receipts.append(Receipt("closed", marks.get(key, 0)))
            continue
        receipt = judge(arrival.header, judged.moved.get(key, marks.get(key, 0)))
        judged.receipts.append(receipt)
        if receipt.outcome == "stored":
            judged.stored.append(arrival)
            judged.moved[key] = receipt.watermark
    return judged


def key_of(arrival: Arrival) -> Key:
    return arrival.header.gateway, arrival.header.stream, arrival.header.epoch


def stamp(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds")


def is_damaged(body: bytes) -> bool:
    """Whether a stored batch is no longer what was received."""
    try:
        read_header(body)
    except BadBatch:
        return True
    return False


Row = tuple[int, int, int, bytes]  # position, first, last, body


def to_mend(header: Header, overlapping: Sequence[Row]) -> int | None:
    """The position of the row that may be replaced: the one damaged row of the very same sequences."""
    if len(overlapping) != 1:
        return None
    position, first, last, body = overlapping[0]
    same = (first, last) == (header.first, header.last)
    return position if same and is_damaged(body) else None


class Walk:
    """Goes over all rows of a log in order of key and sequence, and says what is damaged, and which sequences below
    the mark no row and no listed gap holds."""

    def __init__(self, gaps: Iterable[tuple[str, str, str, int, int]]) -> None:
        """``gaps`` are (gateway, stream, epoch, first, last), in order of ``first``."""
        self._gaps: dict[Key, list[tuple[int, int]]] = {}
        for gateway, stream, epoch, first, last in gaps:
            self._gaps.setdefault((gateway, stream, epoch), []).append((first, last))
        self._expected: dict[Key, int] = {}

    def row(self, key: Key, first: int, last: int, body: bytes) -> Iterator[Wanted]:
        yield from self._lost(key, first - 1)
        if is_damaged(body):
            yield Wanted(*key, first, last)
        self._expected[key] = last + 1

    def end(self, marks: Mapping[Key, int]) -> Iterator[Wanted]:
        """What is lost behind the last row of each key."""
        for key, mark in marks.items():
            yield from self._lost(key, mark)

    def _lost(self, key: Key, through: int) -> Iterator[Wanted]:
        for first, last in _without(self._gaps.get(key, ()), self._expected.get(key, 1), through):
            yield Wanted(*key, first, last)


def _without(gaps: Iterable[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    """The runs of ``first`` to ``last`` that lie in none of the gaps, which rise."""
    for gap_first, gap_last in gaps:
        if first <= gap_first <= last:
            if first < gap_first:
                yield first, gap_first - 1
            first = gap_last + 1
    if first <= last:
        yield first, last
