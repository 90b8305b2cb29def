"""A day reconciled: passages, charges and money, each against the others; the same for the same files in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from domain.reconciliation import cash, charges, exits, funds, payments, payouts, refunds
from domain.reconciliation.books import Books
from domain.reconciliation.carry import carry, payouts_before
from domain.reconciliation.context import Context, Rules
from domain.reconciliation.gathered import gather
from domain.reconciliation.items import Item, in_order
from domain.reconciliation.payments import PAID
from domain.reconciliation.payouts import PROVIDERS
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import AnyFile, Income


class Result(msgspec.Struct, frozen=True):
    """What a day comes to."""

    context: Context
    items: list[Item]
    totals: dict[str, dict[str, int]]  # by channel; explained + open + superseded = the bill, to the fen
    not_judged: list[dict[str, Any]]  # channels of our payments that no bill was given for

    @property
    def open(self) -> list[Item]:
        return [item for item in self.items if item.is_open]


def reconcile(
    day: date,
    books: Books | None,
    files: Iterable[AnyFile],
    *,
    before: Iterable[Item] = (),
    without: Iterable[str] = (),
    rules: Rules | None = None,
) -> Result:
    """Match everything of a day. ``before``: open items of earlier days; ``without``: channels with no trade that day.

    Without ``books``, the files are held against each other alone.
    Raises BadBill where files are of another day or merchant, or contradict each other.
    """
    if books is not None and books.business_day != day:
        remedy = "give our side of the day that was asked for"
        raise BadBill("our side", f"it is of {books.business_day}, and {day} was asked for", remedy=remedy)
    ours = books or Books(business_day=day)
    context = Context(day, ours, gather(files, day, ours.merchants, without), rules or Rules())
    earlier = list(before)
    found = _bank(context, earlier) + _moved(context)
    if books is None:
        return Result(context, in_order(carry(context, earlier, found)), {}, _alone(context))
    found += _money(context)
    totals = {channel: _totals(context, channel, found) for channel in sorted(context.gathered.trades)}
    if context.gathered.sheds is not None:
        totals["ebike"] = _sheds(context.gathered.sheds)
    return Result(context, in_order(carry(context, earlier, found)), totals, _not_judged(context))


def _moved(context: Context) -> list[Item]:
    trades, flows = context.gathered.trades, context.gathered.flows
    return [item for channel in trades.keys() & flows.keys() for item in funds.match(trades[channel], flows[channel])]


def _money(context: Context) -> list[Item]:
    trades = context.gathered.trades
    billed = charges.billed_orders(trades)
    twice = charges.duplicates(context, billed, charges.paid_again(context.books, billed))
    found: list[Item] = []
    for channel, rows in trades.items():
        found += payments.match(context, channel, rows, twice)
        found += refunds.match(context, channel, rows)
    found += charges.match(context, billed, twice)
    found += cash.match(context, twice)
    found += exits.match(context, _unsure(context, billed))
    return found


def _unsure(context: Context, billed: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Charges that the provider says are paid, and we not yet."""
    unpaid = (each for each in context.books.payments if each.status != PAID and each.charge_id is not None)
    return {each.charge_id or "" for each in unpaid if each.out_trade_no in billed.get(each.channel, ())}


def _bank(context: Context, before: list[Item]) -> list[Item]:
    if context.gathered.bank is None:
        return []
    wanted = payouts_before(before, context.gathered.flows or PROVIDERS)
    return list(payouts.match(context, [*wanted, *payouts.expected(context)]))


def _totals(context: Context, channel: str, items: list[Item]) -> dict[str, int]:
    rows = context.gathered.trades[channel]
    of_channel = [item for item in items if item.channel == channel]
    return {
        "bill_fen": sum(row.order_fen for row in rows),
        "explained_fen": sum(item.bill_fen or 0 for item in of_channel if not item.is_open),
        "open_fen": sum(item.bill_fen or 0 for item in of_channel if item.is_open),
        "superseded_fen": sum(row.order_fen for row in refunds.superseded(rows)),
        "local_fen": sum(item.local_fen or 0 for item in of_channel),
        "coupons_fen": sum(row.order_fen - row.settle_fen for row in rows),
        "fee_units": sum(row.fee_units for row in rows),
    }


def _sheds(rows: list[Income]) -> dict[str, int]:
    """Nobody else knows what a shed took: its sheet is what is booked, and none of it is open."""
    energy, service = sum(row.energy_fen for row in rows), sum(row.service_fen for row in rows)
    both, none = energy + service, dict.fromkeys(("open_fen", "superseded_fen", "coupons_fen", "fee_units"), 0)
    said = {"bill_fen": both, "explained_fen": both, "local_fen": both, **none}
    return {**said, "energy_fen": energy, "service_fen": service, "drawn_wh": sum(row.drawn_wh for row in rows)}


def _not_judged(context: Context) -> list[dict[str, Any]]:
    count, fen = Counter[str](), Counter[str]()
    for payment in context.books.payments:
        known = payment.channel == cash.CASH or payment.channel in context.gathered.trades
        if payment.status == PAID and not known and context.expected_on(payment.paid_at) != "elsewhere":
            count[payment.channel] += 1
            fen[payment.channel] += payment.amount_fen
    return [{"channel": channel, "payments": count[channel], "fen": fen[channel]} for channel in sorted(count)]


def _alone(context: Context) -> list[dict[str, Any]]:
    """What the bills hold, where nobody gave our side."""
    paid = {
        channel: [row.order_fen for row in rows if row.kind == "payment"]
        for channel, rows in sorted(context.gathered.trades.items())
    }
    return [{"channel": channel, "payments": len(fens), "fen": sum(fens)} for channel, fens in paid.items()]
