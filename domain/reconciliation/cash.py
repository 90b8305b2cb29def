"""Shifts: what was counted, less the float it began with, against the cash that was taken and given back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from domain.reconciliation.context import Context
from domain.reconciliation.items import Item
from domain.reconciliation.money import yuan
from domain.reconciliation.payments import PAID

CASH = "cash"


def match(context: Context, duplicates: Mapping[str, bool]) -> Iterator[Item]:
    """An item for each shift that was counted, and for cash that nobody's shift took."""
    books = context.books
    shifts = {shift.shift_id for shift in books.shifts}
    taken: Counter[str] = Counter()
    for payment in books.payments:
        if payment.channel != CASH or payment.status != PAID:
            continue
        taken[payment.shift_id or ""] += payment.amount_fen
        if (payment.shift_id or "") not in shifts:
            action = "cash of no shift: find who took it, and count it there"
            yield Item(CASH, payment.out_trade_no, "cash_without_shift", None, payment.amount_fen, action)
        if duplicates.get(payment.out_trade_no) is False:
            action = f"second payment for charge {payment.charge_id}: give {yuan(payment.amount_fen)} back"
            yield Item(CASH, payment.out_trade_no, "duplicate_payment", payment.amount_fen, payment.amount_fen, action)
    for refund in books.refunds:
        if refund.channel == CASH and refund.status == "SUCCESS":
            taken[refund.shift_id or ""] -= refund.amount_fen
    for shift in books.shifts:
        if (counted := shift.counted_cash_fen) is not None:
            kept_fen = counted - shift.opening_float_fen + shift.payouts_fen
            yield _of_shift(shift.shift_id, kept_fen, taken[shift.shift_id])


def _of_shift(key: str, counted_fen: int, recorded_fen: int) -> Item:
    gap = counted_fen - recorded_fen
    if not gap:
        return Item(CASH, key, "shift_matched", counted_fen, recorded_fen, "none")
    kind, word = ("shift_short", "short {} (短款)") if gap < 0 else ("shift_over", "over {} (长款)")
    action = f"counted {yuan(counted_fen)} against {yuan(recorded_fen)} recorded: {word.format(yuan(abs(gap)))}"
    return Item(CASH, key, kind, counted_fen, recorded_fen, action)
