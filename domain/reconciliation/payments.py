"""Payments: what we booked against what the provider's bill says, by the merchant's order number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.reconciliation.books import Payment
from domain.reconciliation.context import Context
from domain.reconciliation.items import Item
from domain.reconciliation.money import yuan
from domain.reconciliation.rows import Trade

PAID = "PAID"
_WAIT = "paid within the cut-off window at midnight: wait for the next bill"
_QUERY = "query the order at the provider; if not paid, reverse (短款) and open a debt"
_SUSPENSE = "suspense account (长款挂账): find the session, or refund"
_LOST = "query the order, then mark paid (补单) and close the charge, or refund"


def first_trades(trades: list[Trade]) -> tuple[dict[str, Trade], list[Trade]]:
    """The payment of each order, and those that pay an order once more."""
    found: dict[str, Trade] = {}
    again: list[Trade] = []
    for row in trades:
        if row.kind != "payment":
            continue
        before = found.setdefault(row.order, row)
        if before is not row:
            found[row.order], later = sorted((before, row), key=lambda each: (each.at, each.trade_id))
            again.append(later)
    return found, again


def match(context: Context, channel: str, trades: list[Trade], duplicates: Mapping[str, bool]) -> Iterator[Item]:
    """An item for each order of the bill, and for each payment of ours that should be on it."""
    billed, again = first_trades(trades)
    ours = {each.out_trade_no: each for each in context.books.payments if each.channel == channel}
    for order, trade in billed.items():
        yield _of_bill(context, channel, trade, ours.get(order), duplicates.get(order))
    for trade in again:
        action = f"the order {trade.order} was paid a second time: refund {yuan(trade.order_fen)}"
        yield Item(channel, trade.trade_id, "duplicate_payment", trade.order_fen, None, action)
    for order, payment in ours.items():
        if order not in billed and payment.status == PAID:
            yield from _of_ours(context, payment)


def _of_bill(context: Context, channel: str, trade: Trade, payment: Payment | None, returned: bool | None) -> Item:
    fen = trade.order_fen
    if payment is None:
        return Item(channel, trade.order, "missing_local", fen, None, _SUSPENSE)
    local = payment.amount_fen
    if payment.status != PAID:
        note = "" if fen == local else f"and the amounts differ by {fen - local:+}"
        return Item(channel, trade.order, "bill_paid_local_unpaid", fen, local, _LOST, note)
    if fen != local:
        return Item(channel, trade.order, "amount_mismatch", fen, local, f"investigate; difference {fen - local:+}")
    if returned is not None:
        return _duplicate(channel, trade, payment, returned=returned)
    note = _coupon(trade)
    if payment.paid_at and (day := context.local_day(payment.paid_at)) != context.day:
        action = f"provider day {context.day} rules; local clock says {day}"
        return Item(channel, trade.order, "matched_cross_day", fen, local, action, note)
    return Item(channel, trade.order, "matched", fen, local, "none", note)


def _duplicate(channel: str, trade: Trade, payment: Payment, *, returned: bool) -> Item:
    if returned:
        return Item(channel, trade.order, "duplicate_refunded", trade.order_fen, payment.amount_fen, "none")
    action = f"second payment for charge {payment.charge_id}: refund {yuan(trade.order_fen)}"
    return Item(channel, trade.order, "duplicate_payment", trade.order_fen, payment.amount_fen, action)


def _coupon(trade: Trade) -> str:
    """Coupons and the merchant's own discounts: compared is what was asked; the gap posts to discounts."""
    gap = trade.order_fen - trade.settle_fen
    if not gap:
        return ""
    return f"order {yuan(trade.order_fen)}, settled {yuan(trade.settle_fen)}: {yuan(gap)} posts to discounts"


def _of_ours(context: Context, payment: Payment) -> Iterator[Item]:
    where = context.expected_on(payment.paid_at)
    if where == "cutoff":
        yield Item(payment.channel, payment.out_trade_no, "cutoff_pending", None, payment.amount_fen, _WAIT)
    elif where == "here":
        yield Item(payment.channel, payment.out_trade_no, "missing_in_bill", None, payment.amount_fen, _QUERY)
