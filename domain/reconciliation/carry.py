"""Items left open on earlier days: what this day's files settle, and what goes on waiting, older by its days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from domain.reconciliation.context import Context
from domain.reconciliation.items import Item
from domain.reconciliation.payments import PAID
from domain.reconciliation.payouts import PROVIDERS, Expected
from domain.reconciliation.refunds import state_of

_ONLY_OURS = ("cutoff_pending", "missing_in_bill", "refund_missing_in_bill")
_ONLY_THEIRS = ("missing_local", "bill_paid_local_unpaid", "refund_missing_local")
_LATE = "not on the next bill either: query it at the provider; if it was not made, reverse it (短款)"
_FOUND = "found on a later day; the provider's day rules"


class BadCarry(Exception):
    """Items of earlier days that are none: of this day or a later one."""


def opened_before(items: Iterable[Item], day: date, found_on: date) -> list[Item]:
    """The open items of a report of ``found_on``, each with the day it was first found. Raises BadCarry."""
    if found_on >= day:
        raise BadCarry(f"the open items are of {found_on}: give those of a day before {day}")
    since = found_on.isoformat()
    return [msgspec.structs.replace(item, since=item.since or since) for item in items if item.is_open]


def payouts_before(before: Iterable[Item], channels: Iterable[str]) -> list[Expected]:
    """Payouts and deposits that the bank had not shown yet."""
    words = tuple(word for channel in channels for word in PROVIDERS[channel])
    return [
        Expected(item.key, item.local_fen or 0, date.fromisoformat(item.since), words if payout else ())
        for item in before
        if item.kind in ("settlement_pending", "settlement_missing", "cash_deposit_pending", "cash_deposit_missing")
        for payout in [item.kind.startswith("settlement")]
    ]


def carry(context: Context, before: Iterable[Item], today: list[Item]) -> list[Item]:
    """This day's items and those of before, each key once. What was settled today is there too, closed."""
    found = {item.identity: item for item in today}
    paid = {each.out_trade_no: each for each in context.books.payments if each.status == PAID}
    refunds = {each.out_refund_no: each for each in context.books.refunds}
    back = Counter[str]()
    for rows in context.gathered.trades.values():
        for row in rows:
            back[row.order] -= row.order_fen if row.kind == "refund" and row.state == "SUCCESS" else 0
    for item in before:
        now = found.get(item.identity)
        if now is not None:
            settled = _together(item, now)
        elif item.kind in _ONLY_THEIRS and (ours := paid.get(item.key)) is not None:
            settled = _both(item, item.bill_fen, ours.amount_fen)
        elif item.kind == "refund_processing" and item.key in refunds:
            settled = _refund(item, state_of(refunds[item.key]))
        elif item.kind == "duplicate_payment" and back[item.key] >= (item.bill_fen or 0) > 0:
            settled = _closed(item, "duplicate_refunded", "none")
        else:
            settled = _waiting(item)
        age = (context.day - date.fromisoformat(item.since)) // timedelta(days=1)
        found[item.identity] = msgspec.structs.replace(settled, since=item.since, age_days=age)
    return list(found.values())


def _together(before: Item, now: Item) -> Item:
    """One side was known, and the other may have come today."""
    if before.kind in _ONLY_OURS and now.kind in ("missing_local", "refund_missing_local"):
        return _both(now, now.bill_fen, before.local_fen)
    if before.kind in _ONLY_THEIRS and now.kind in _ONLY_OURS:
        return _both(now, before.bill_fen, now.local_fen)
    return _waiting(now) if now.kind == "cutoff_pending" else now


def _both(item: Item, bill_fen: int | None, local_fen: int | None) -> Item:
    refund = (bill_fen or 0) < 0
    kind = "amount_mismatch" if bill_fen != local_fen else "refund_matched" if refund else "matched_cross_day"
    action = _FOUND if bill_fen == local_fen else f"investigate; difference {(bill_fen or 0) - (local_fen or 0):+}"
    return msgspec.structs.replace(item, kind=kind, bill_fen=bill_fen, local_fen=local_fen, action=action)


def _refund(item: Item, state: str) -> Item:
    if state == "SUCCESS":
        return _closed(item, "refund_matched", "a query says it has arrived")
    return item if state == "PROCESSING" else _closed(item, "refund_state_mismatch", f"{state} here: query the refund")


def _closed(item: Item, kind: str, action: str) -> Item:
    return msgspec.structs.replace(item, kind=kind, action=action)


def _waiting(item: Item) -> Item:
    """One bill is waited for, not two."""
    if item.kind != "cutoff_pending":
        return item
    kind = "refund_missing_in_bill" if (item.local_fen or 0) < 0 else "missing_in_bill"
    return _closed(item, kind, _LATE)
