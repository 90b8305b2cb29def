"""What a stay costs, exactly: one share for each piece between the edges of cycles and windows, then the caps."""

from __future__ import annotations

from collections.abc import Iterable

from domain.tariff.calendar import DAY_S
from domain.tariff.charges import Amount, Item, price
from domain.tariff.plan import Plan
from domain.tariff.spans import Span, cut, cycles, first_window, free_until, window_at


class Past:
    """What the earlier stays of a plate leave behind for the next."""

    def __init__(self) -> None:
        self.begun: dict[int, int] = {}  # stays, by day of entry
        self.spent: dict[int, int] = {}  # fen charged, by start of the window
        self.opened: int | None = None  # start of the last window the plate was inside in

    def spend(self, window: int | None, fen: int) -> None:
        """Note what a share came to once it was rounded."""
        if window is not None:
            self.spent[window] = self.spent.get(window, 0) + fen


class Share:
    """The items of one piece, and the start of the window they count for (None: for none)."""

    __slots__ = ("amount", "end", "items", "start", "window")

    def __init__(self, start: int, end: int, items: list[Item], window: int | None = None) -> None:
        self.start, self.end, self.items, self.window = start, end, items, window
        self.amount: Amount = sum(item.amount for item in items)

    def limit(self, left: Amount, rule: str) -> None:
        """Take off what is above ``left``."""
        if self.amount > left:
            self.items.append(Item(self.start, self.end, rule, 0, left - self.amount))
            self.amount = left


def bill(plan: Plan, start: int, end: int, past: Past, lasts: int) -> list[Share]:
    """The shares of a stay, in order of time, after every cap. Raises NoPrice.

    ``lasts``: when the stay is over, of which this is the beginning.
    """
    first = start if plan.window_cap is None else first_window(plan.window_cap, start, past.opened)
    free = _has_free_time(plan, start, past)
    shares: list[Share] = []
    for span in cycles(plan.cycle, start, end):
        billed_from = free_until(plan.free, span, (start, end), lasts) if plan.free and free else span.start
        shares += _cycle_shares(plan, span, billed_from, first)
    if plan.stay_cap_fen is not None:
        _cap(shares, plan.stay_cap_fen, f"cap of the stay: {plan.stay_cap_fen} fen")
    _cap_windows(plan, shares, past)
    return shares


def remember(plan: Plan, start: int, end: int, past: Past) -> None:
    """Note a stay that was billed, for those to come; what it spent is noted where it is rounded."""
    past.begun[start // DAY_S] = past.begun.get(start // DAY_S, 0) + 1
    if plan.window_cap is not None:
        first = first_window(plan.window_cap, start, past.opened)
        past.opened = window_at(plan.window_cap, first, max(start, end - 1))


def _has_free_time(plan: Plan, start: int, past: Past) -> bool:
    limit = plan.free.limit if plan.free else None
    return limit is None or past.begun.get(start // DAY_S, 0) < limit.times


def _cycle_shares(plan: Plan, span: Span, billed_from: int, first: int) -> list[Share]:
    shares: list[Share] = []
    if billed_from > span.start:
        shares.append(Share(span.start, billed_from, [Item(span.start, billed_from, "free time", 0, 0)]))
    for window, start, end in cut(plan.window_cap, first, billed_from, span.end):
        shares.append(Share(start, end, _items(plan, span, start, end, is_first=start == billed_from), window))
    cap_fen = plan.cycle_cap(span.number)
    if cap_fen is not None:
        _cap(shares, cap_fen, f"cap of cycle {span.number}: {cap_fen} fen")
    return shares


def _items(plan: Plan, span: Span, start: int, end: int, *, is_first: bool) -> list[Item]:
    if plan.full_cycle_fen is None or not span.complete:
        return price(plan.charge, start, end, plan.days)
    # A window that ends inside a full cycle does not double its price: it belongs to the window it began in.
    return [Item(start, end, f"full cycle {span.number}", int(is_first), plan.full_cycle_fen if is_first else 0)]


def _cap(shares: Iterable[Share], cap_fen: int, rule: str) -> None:
    """What comes first is charged first: the cap takes off the latest money."""
    left: Amount = max(cap_fen, 0)
    for share in shares:
        share.limit(left, rule)
        left -= share.amount


def _cap_windows(plan: Plan, shares: list[Share], past: Past) -> None:
    if plan.window_cap is None:
        return
    by_window: dict[int, list[Share]] = {}
    for share in shares:
        if share.window is not None:
            by_window.setdefault(share.window, []).append(share)
    for window, within in by_window.items():
        spent = past.spent.get(window, 0)
        _cap(within, plan.window_cap.fen - spent, f"window cap {plan.window_cap.fen} fen, {spent} charged before")
