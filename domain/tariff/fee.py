"""The fee of a stay with its explanation: times in, whole fen out, rounded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec

from domain.tariff.charges import Amount
from domain.tariff.plan import Plan
from domain.tariff.shares import Past, Share, bill, remember

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_S = 60
_NO_DAY_IS_LONGER = timedelta(hours=48)  # wherever its midnights are
_YEARS = 1900, 9000  # a calendar ends on either side of them


class BadStay(Exception):
    """A stay that cannot be priced: a time without a zone, an exit before its entry, or two stays at once."""


class Line(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """A line of the explanation, times in the plan's zone. Caps and reductions are negative."""

    start: datetime
    end: datetime
    rule: str
    units: int  # units charged, 1 for a flat price, seconds for a price by the second
    fen: int
    account: str = ""  # of a discount: where the ledger books it


class Quote(msgspec.Struct, frozen=True, gc=False):
    """A fee, the lines that add up to it, and the version of the plan that made it (sha256, 64 hex digits)."""

    fee_fen: int
    lines: tuple[Line, ...]
    version: str


def fee(
    plan: Plan,
    entry: datetime,
    exit: datetime,
    *,
    stays: Iterable[tuple[datetime, datetime]] = (),
    lasts_until: datetime | None = None,
) -> Quote:
    """The fee of one stay after the earlier ``stays`` (entry, exit) of its plate. Raises BadStay, NoPrice.

    Earlier stays count only for a window cap and for free time limited per day: give them from the first of the day,
    or of the chain of windows, that still counts. Times are aware; parts of a second are dropped. ``lasts_until``: the
    stay goes on until then, billed by another plan, and has the free time of its whole length.
    """
    if lasts_until is not None:
        _check(entry, lasts_until, None)
        return _quote(plan, entry, exit, ZoneInfo(plan.timezone), Past(), lasts_until)
    return fees(plan, [*(stays if plan.looks_back else ()), (entry, exit)])[-1]


def fees(plan: Plan, stays: Iterable[tuple[datetime, datetime]]) -> list[Quote]:
    """The fees of a plate's stays, given in order. Raises BadStay, NoPrice."""
    zone, past, quotes = ZoneInfo(plan.timezone), Past(), list[Quote]()
    left: datetime | None = None
    for entry, exit in stays:
        _check(entry, exit, left)
        quotes.append(_quote(plan, entry, exit, zone, past))
        left = exit
    return quotes


Interval = tuple[datetime, datetime]


def that_count(plan: Plan, stays: Sequence[Interval], entry: datetime) -> list[Interval]:
    """Of a plate's earlier stays, in order, those that can change the fee of one that begins at ``entry``: from its day
    on, and back along a chain of windows to an entry that began a new one whatever was before."""
    if not plan.looks_back:
        return []
    cap, following, count = plan.window_cap, entry, 0
    for entered, left in reversed(stays):
        chained = cap is not None and not cap.calendar_day and following < left + timedelta(seconds=cap.length_s)
        if not chained and left <= entry - _NO_DAY_IS_LONGER:
            break
        following, count = entered, count + 1
    return list(stays[len(stays) - count :])


def _quote(
    plan: Plan, entry: datetime, exit: datetime, zone: ZoneInfo, past: Past, lasts_until: datetime | None = None
) -> Quote:
    # One offset from UTC for the whole stay: where clocks change, its time neither jumps nor runs twice.
    offset_s = _seconds(entry.astimezone(zone).utcoffset() or timedelta())
    start = _seconds(entry - _EPOCH) + offset_s
    end = _counted_end(plan, start, _seconds(exit - _EPOCH) + offset_s)
    lasts = end if lasts_until is None else _seconds(lasts_until - _EPOCH) + offset_s
    shares = bill(plan, start, end, past, lasts)
    lines = tuple(_lines(shares, partial(_clock, zone, offset_s), past))
    remember(plan, start, end, past)
    return Quote(sum(line.fen for line in lines), lines, plan.version)


def _check(entry: datetime, exit: datetime, left: datetime | None) -> None:
    if entry.tzinfo is None or exit.tzinfo is None:
        raise BadStay(f"a stay needs times with a zone, not {entry} to {exit}")
    if not (_YEARS[0] <= entry.year and exit.year <= _YEARS[1]):
        raise BadStay(f"{entry} to {exit}: no such years")
    if exit < entry:
        raise BadStay(f"the exit at {exit} is before the entry at {entry}")
    if left is not None and entry < left:
        raise BadStay(f"the entry at {entry} is before the exit at {left} of the stay before: give stays in order")


def _seconds(span: timedelta) -> int:
    """Whole seconds, rounded down."""
    return span.days * 86_400 + span.seconds


def _counted_end(plan: Plan, start: int, end: int) -> int:
    minutes, rest_s = divmod(end - start, _MINUTE_S)
    match plan.seconds:
        case "exact":
            return end
        case "ceil":
            return start + (minutes + (rest_s > 0)) * _MINUTE_S
        case "truncate":
            return start + minutes * _MINUTE_S


def _clock(zone: ZoneInfo, offset_s: int, moment: int) -> datetime:
    return datetime.fromtimestamp(moment - offset_s, zone)


def _lines(shares: Iterable[Share], clock: Callable[[int], datetime], past: Past) -> Iterator[Line]:
    """The items in whole fen: each line is what the rounded sum grows by, so that no line is rounded on its own."""
    exact: Amount = 0
    rounded_fen = 0
    for share in shares:
        before_fen = rounded_fen
        for start, end, rule, units, amount in share.items:
            exact += amount
            fen = _half_up(exact) - rounded_fen
            rounded_fen += fen
            yield Line(clock(start), clock(end), rule, units, fen)
        past.spend(share.window, rounded_fen - before_fen)


def _half_up(amount: Amount) -> int:
    return (
        amount if isinstance(amount, int) else (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
    )
