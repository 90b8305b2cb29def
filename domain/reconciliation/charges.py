"""Charges against payments: which pay a charge a second time, and which charges are not paid as they say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from domain.reconciliation.books import Books, Charge, Payment
from domain.reconciliation.context import Context
from domain.reconciliation.items import Item
from domain.reconciliation.money import yuan
from domain.reconciliation.payments import PAID, first_trades
from domain.reconciliation.refunds import attempts, state_of
from domain.reconciliation.rows import Trade

CLOSED = "CLOSED"
Billed = Mapping[str, Mapping[str, Trade]]  # by channel and order


def billed_orders(trades: Mapping[str, list[Trade]]) -> Billed:
    return {channel: first_trades(rows)[0] for channel, rows in trades.items()}


def paid_again(books: Books, billed: Billed) -> dict[str, list[Payment]]:
    """Payments of charges that have several, where they are sure: on the bill, or of a channel without one."""
    found: defaultdict[str, list[Payment]] = defaultdict(list)
    several = _repeated(each.charge_id for each in books.payments)
    for payment in books.payments:
        if payment.status != PAID or payment.charge_id not in several:
            continue
        bill = billed.get(payment.channel)
        if bill is None or payment.out_trade_no in bill:
            found[payment.charge_id].append(payment)
    return found


def _repeated(charges: Iterable[str | None]) -> set[str]:
    seen: set[str] = set()
    again: set[str] = set()
    for charge in charges:
        if charge is not None:
            (again if charge in seen else seen).add(charge)
    return again


def duplicates(context: Context, billed: Billed, paid: Mapping[str, list[Payment]]) -> dict[str, bool]:
    """The orders that pay a charge that was paid already; True where the money has gone back."""
    payable = {charge.charge_id: charge.payable_fen for charge in context.books.charges}
    several = {charge: rows for charge, rows in paid.items() if len(rows) > 1}
    back = _returned(context) if several else Counter[str]()
    found: dict[str, bool] = {}
    for charge, rows in several.items():
        ordered = sorted(rows, key=lambda row: _when(context, billed, row))
        due, left = payable.get(charge, ordered[0].amount_fen), sum(back[row.out_trade_no] for row in rows)
        for row in _beyond(ordered, due):
            found[row.out_trade_no] = left >= row.amount_fen
            left -= row.amount_fen if found[row.out_trade_no] else 0
    return found


def _when(context: Context, billed: Billed, payment: Payment) -> tuple[datetime, str]:
    trade = billed.get(payment.channel, {}).get(payment.out_trade_no)
    at = trade.at if trade is not None else payment.paid_at
    return (context.time(at or context.first), payment.out_trade_no)


def _beyond(ordered: Iterable[Payment], due_fen: int) -> Iterator[Payment]:
    """Payments that came when all was paid: a difference asked for later is none."""
    covered = 0
    for payment in ordered:
        if covered >= due_fen and covered:
            yield payment
        else:
            covered += payment.amount_fen


def _returned(context: Context) -> Counter[str]:
    """What has gone back of each order: by the bills, and by our books where no bill of this day could tell."""
    back: Counter[str] = Counter()
    for rows in context.gathered.trades.values():
        for tries in attempts(rows).values():
            for row in tries:
                back[row.order] -= row.order_fen if row.state == "SUCCESS" else 0
    for refund in context.books.refunds:
        told = refund.channel in context.gathered.trades and context.expected_on(refund.at) != "elsewhere"
        if state_of(refund) == "SUCCESS" and not told:
            back[refund.out_trade_no] += refund.amount_fen
    return back


def match(context: Context, billed: Billed, twice: Mapping[str, bool]) -> Iterator[Item]:
    """Charges that are closed, and not paid as much as they ask; what was paid too much may have gone back."""
    booked: Counter[str] = Counter()
    returned: Counter[str] = Counter()
    back = _returned(context)
    unsure: set[str] = set()
    for payment in context.books.payments:
        if payment.charge_id is None or payment.out_trade_no in twice:
            continue
        if payment.status == PAID:
            booked[payment.charge_id] += payment.amount_fen
            returned[payment.charge_id] += back[payment.out_trade_no]
        elif payment.out_trade_no in billed.get(payment.channel, ()):
            unsure.add(payment.charge_id)  # the payment is an item itself: its callback was lost
    for charge in context.books.charges:
        if charge.status == CLOSED and charge.charge_id not in unsure:
            over_fen = max(0, booked[charge.charge_id] - charge.payable_fen)
            yield from _of_charge(charge, booked[charge.charge_id] - min(over_fen, returned[charge.charge_id]))


def _of_charge(charge: Charge, paid_fen: int) -> Iterator[Item]:
    if paid_fen == charge.payable_fen:
        return
    kind = "charge_underpaid" if paid_fen < charge.payable_fen else "charge_overpaid"
    action = f"closed with {yuan(paid_fen)} paid of {yuan(charge.payable_fen)}: find the payment, or open a debt"
    if kind == "charge_overpaid":
        action = f"{yuan(paid_fen)} paid of {yuan(charge.payable_fen)}: refund the difference"
    yield Item("charge", charge.charge_id, kind, paid_fen, charge.payable_fen, action)
