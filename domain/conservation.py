"""Whether a stream's records add up between its gateway and the centre: pure, one epoch of one stream at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from domain.events import STREAMS
from domain.statements import CARRIED_ALL, Present, Row

Verdict = Literal["balanced", "open", "broken"]
DIFFERENCES = (
    "missing_at_gateway",
    "more_at_gateway",
    "missing_at_centre",
    "more_at_centre",
    "unexplained_gap",
    "lost_with_store",
)
EXPLAINED = "trimmed"  # let go at the gateway after the centre had it, and lost at the centre since
UNEXPLAINED = frozenset({"missing", "unreadable"})


class GapCount(msgspec.Struct, frozen=True):
    """A declared gap: how many sequences, why, and the day of its neighbour in the log (a gap itself has none)."""

    reason: str
    count: int
    day: int


class Counted(msgspec.Struct, frozen=True):
    """What the centre has of one epoch, read in one snapshot.

    ``received``: records by day, up to the statement's ``through``. ``lost``: records that were received and whose
    batch is no longer there, by day; ``lost_near``: sequences that nothing holds and nothing explains, by the day of
    their neighbour. ``uncounted``: received, but not yet counted by day. ``carried``: what the gateway saved of a
    store it lost and counts under its next epoch, by day; CARRIED_ALL is a key of it once that is done, with how many
    could not be read.
    """

    mark: int = 0
    received: Mapping[int, int] = {}
    lost: Mapping[int, int] = {}
    lost_near: Mapping[int, int] = {}
    gaps: Sequence[GapCount] = ()
    uncounted: int = 0
    carried: Mapping[int, int] = {}


class Judged(msgspec.Struct):
    """One day of one stream's epoch, held against both ends.

    As long as nothing is broken: produced = received + unsent + dropped + explained + waiting. ``explained``: lost at
    the centre after the gateway had let it go, and declared. ``waiting``: will be counted in a moment, or is being
    sent again. ``left_behind``: stated once, not come before the gateway's store was lost, and not carried over yet.
    """

    stream: str
    epoch: str
    day: int
    stated: bool
    produced: int = 0
    held: int = 0
    unsent: int = 0
    trimmed: int = 0
    dropped: int = 0
    received: int = 0
    explained: int = 0
    waiting: int = 0
    left_behind: int = 0
    differences: dict[str, int] = {}
    is_open: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.differences:
            return "broken"
        return "open" if self.is_open or self.unsent or self.waiting or self.left_behind else "balanced"


def compare(name: tuple[str, str], rows: Sequence[Row], counted: Counted, *, is_present: bool) -> list[Judged]:
    """Each day of an epoch (``name``: stream, epoch) that either end knows, in order, with its verdict.

    ``is_present`` is false for an epoch that the gateway has left behind: its tally of it is closed or gone, and the
    centre's own unbroken numbering is what can be judged.
    """
    found = {row.day: _begin(row, counted) for row in rows}
    for day in (counted.received.keys() | counted.lost.keys() | counted.lost_near.keys()) - found.keys():
        found[day] = Judged(*name, day, False, received=counted.received.get(day, 0), is_open=is_present)
    days = [found[day] for day in sorted(found)]
    short = _shortages(days, rows, counted) if is_present else dict.fromkeys(found, 0)
    if not is_present:
        _close(days, counted)
        _tell_unreadable(found, name, counted)
        days = [found[day] for day in sorted(found)]
        short = dict.fromkeys(found, 0)
    _tell_gaps(found, counted, short)
    _tell_lost(found, counted, short)
    _tell_short(days, rows, counted, short)
    return days


def is_news(made_at: str, streams: Mapping[str, Present], known_at: str, known: Mapping[str, Present]) -> bool:
    """Whether a statement (its time as text that sorts) says more than the one known: made later, or, since a
    gateway's clock may step back, going further in some stream. One that comes late or twice says nothing."""
    further = (name for name, now in streams.items() if name in known and _is_further(now, known[name]))
    return made_at >= known_at or any(further)


def _is_further(one: Present, other: Present) -> bool:
    return one.epoch == other.epoch and one.through > other.through


def _begin(row: Row, counted: Counted) -> Judged:
    judged = Judged(row.stream, row.epoch, row.day, True, row.produced, row.held, row.unsent, row.trimmed, row.dropped)
    judged.received = counted.received.get(row.day, 0)
    if row.unaccounted:
        _add(judged, "missing_at_gateway" if row.unaccounted > 0 else "more_at_gateway", abs(row.unaccounted))
    return judged


def _add(judged: Judged, name: str, count: int) -> None:
    judged.differences = {**judged.differences, name: judged.differences.get(name, 0) + count}


def _shortages(days: Sequence[Judged], rows: Sequence[Row], counted: Counted) -> dict[int, int]:
    """How many records the centre should have of each day and has not; tells what it has too many.

    At least it has what was sent and is held, and what was trimmed; at most all but what is unsent: of what was
    dropped, some may have arrived and only the answer been lost. What is too many on one day makes up for what is
    too few on another of the same epoch: the ends may count a record under different days (a zone that was changed,
    records from before days were kept). A loss makes nothing too many, so none hides behind this.
    """
    short = {day.day: max(0, day.held - day.unsent + day.trimmed - day.received) for day in days}
    over = {day.day: max(0, day.received - (day.produced - day.unsent)) for day in days}
    shift = min(sum(short.values()), sum(over.values()))
    _reduce(short, shift)
    _reduce(over, shift)
    for day in days:
        if day.stated and over[day.day]:
            _add(day, "more_at_centre", over[day.day])
        elif not day.stated:
            day.is_open = over[day.day] > 0
        day.dropped -= min(day.dropped, max(0, day.received - (day.held - day.unsent + day.trimmed)))
    return short


def _reduce(counts: dict[int, int], by: int) -> int:
    """Take ``by`` from the counts, the oldest day first; what could not be taken."""
    for day in sorted(counts):
        step = min(by, counts[day])
        counts[day] -= step
        by -= step
    return by


def _close(days: Sequence[Judged], counted: Counted) -> None:
    """An epoch that was left behind: nothing more is on the way in it.

    The tally of a store that lives says nothing is held in it. Where something is, that store is lost with its tally,
    and what it had not sent comes under the next epoch, as far as it could be read.
    """
    for day in days:
        if day.held:
            carried = counted.carried.get(day.day, 0)
            gone = max(0, day.produced - day.dropped - day.received - carried)
            day.produced -= carried
            if gone and CARRIED_ALL in counted.carried:
                _add(day, "lost_with_store", gone)
            else:
                day.left_behind = gone
        day.unsent = 0


def _tell_unreadable(found: dict[int, Judged], name: tuple[str, str], counted: Counted) -> None:
    """What the gateway could not read of a lost store and had never stated, on the newest day that is known of it."""
    told = sum(day.differences.get("lost_with_store", 0) for day in found.values())
    more = counted.carried.get(CARRIED_ALL, 0) - told
    newest = max([*found, *counted.carried], default=CARRIED_ALL)
    if more > 0 and newest != CARRIED_ALL:
        _add(found.setdefault(newest, Judged(*name, newest, False)), "lost_with_store", more)


def _tell_gaps(found: dict[int, Judged], counted: Counted, short: dict[int, int]) -> None:
    """Gaps that explain a shortage, and gaps that nothing explains, each on the day where it is felt."""
    explained = sum(gap.count for gap in counted.gaps if gap.reason == EXPLAINED)
    for day in sorted(found):
        step = min(explained, short[day], found[day].trimmed)
        found[day].explained += step
        short[day] -= step
        explained -= step
    for gap in counted.gaps:
        if gap.reason in UNEXPLAINED:
            _tell_unexplained(found, gap, short)


def _tell_unexplained(found: dict[int, Judged], gap: GapCount, short: dict[int, int]) -> None:
    left = gap.count
    for day, judged in _nearest(found, gap.day):
        own = judged.differences.get("missing_at_gateway", 0) - judged.differences.get("unexplained_gap", 0)
        step = min(left, max(short[day], own))
        if step > 0:
            _add(judged, "unexplained_gap", step)
            short[day] -= min(step, short[day])
            left -= step
    if left and found:
        _add(_nearest(found, gap.day)[0][1], "unexplained_gap", left)


def _nearest(found: Mapping[int, Judged], day: int) -> list[tuple[int, Judged]]:
    return sorted(found.items(), key=lambda item: (abs(item[0] - day), item[0]))


def _tell_lost(found: dict[int, Judged], counted: Counted, short: dict[int, int]) -> None:
    """Records the centre had. A shortage of the same day is the same records, told once."""
    for day, count in counted.lost.items():
        _add(found[day], "missing_at_centre", max(count, short[day]))
        short[day] = 0
    for near, count in counted.lost_near.items():
        left = count
        for day, judged in _nearest(found, near):
            step = min(left, short[day])
            if step:
                _add(judged, "missing_at_centre", step)
                short[day] -= step
                left -= step
        if left:
            _add(found[near], "missing_at_centre", left)


def _tell_short(days: Sequence[Judged], rows: Sequence[Row], counted: Counted, short: dict[int, int]) -> None:
    """What is still short is waited for while there is a reason to, and is missing otherwise."""
    # A mark below what a row was stated with: the centre went back to an older copy, and is being sent the rest again.
    is_refilled = any(row.through > counted.mark for row in rows)
    waited = sum(short.values()) if is_refilled else counted.uncounted
    for day in days:
        step = min(waited, short[day.day])
        day.waiting += step
        waited -= step
        if short[day.day] > step:
            _add(day, "missing_at_centre", short[day.day] - step)


def in_sum(days: Sequence[Judged]) -> Iterator[Judged]:
    """The epochs of one stream and day together, as people read them: a row a (stream, day), the newest day first."""
    together: dict[tuple[int, int], Judged] = {}
    order: dict[str, int] = {name: number for number, name in enumerate(STREAMS)}
    for day in days:
        key = (-day.day, order[day.stream])
        together[key] = _sum(together[key], day) if key in together else day
    for key in sorted(together):
        yield together[key]


_SUMMED = ("produced", "held", "unsent", "trimmed", "dropped", "received", "explained", "waiting", "left_behind")


def _sum(one: Judged, other: Judged) -> Judged:
    summed = msgspec.structs.replace(one, stated=one.stated or other.stated, is_open=one.is_open or other.is_open)
    for field in _SUMMED:
        setattr(summed, field, getattr(one, field) + getattr(other, field))
    for name, count in other.differences.items():
        _add(summed, name, count)
    return summed
