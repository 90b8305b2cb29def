"""The trade bill against the movements of the account: each trade moved what it says, and nothing else moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from domain.reconciliation.items import Item
from domain.reconciliation.money import FEE_UNITS
from domain.reconciliation.rows import Flow, Trade
from domain.reconciliation.wechat_fund import PAYOUT

_NONE = ("", "0")


def payouts(flows: list[Flow]) -> list[Flow]:
    """What went from the account to the bank."""
    return [row for row in flows if row.kind.startswith(PAYOUT) and row.fen < 0 and "费" not in row.kind]


def match(trades: list[Trade], flows: list[Flow]) -> Iterator[Item]:
    """An item for each difference; what agrees is many rows and no news."""
    expected: dict[str, set[int]] = {}
    for trade in trades:
        business = trade.trade_id if trade.kind == "payment" or trade.refund_id in _NONE else trade.refund_id
        before = expected.get(business, {0})
        expected[business] = {left + right for left in before for right in _may_move(trade)}
    gone_out = {id(row) for row in payouts(flows)}
    moved: Counter[str] = Counter()
    for row in flows:
        if id(row) not in gone_out:
            moved[row.business] += row.fen
    yield from _differences(expected, moved, {row.business: row.kind for row in flows})


def _may_move(trade: Trade) -> set[int]:
    """What a trade may have moved: a fee is rounded one way or the other, and a refund's may be given back apart."""
    taken, gone = trade.fee_units // FEE_UNITS, -(-trade.fee_units // FEE_UNITS)
    net = {trade.settle_fen - taken, trade.settle_fen - gone}
    if trade.kind == "payment":
        return net
    if trade.state == "FAIL":
        return {0}
    return net | {trade.settle_fen} | (set() if trade.state == "SUCCESS" else {0})


def _differences(expected: dict[str, set[int]], moved: Counter[str], kinds: dict[str, str]) -> Iterator[Item]:
    for business, may in expected.items():
        if moved.get(business, 0) in may:
            continue
        asked = min(may, key=abs) if min(may) < 0 else max(may)
        if business in moved:
            action = "the account moved another amount than the trade bill has: ask the provider"
            yield Item("fund", business, "fund_mismatch", moved[business], asked, action)
        else:
            yield Item("fund", business, "fund_missing", None, asked, "not on the account: ask the provider")
    for business, fen in moved.items():
        if business not in expected:
            action = f"{kinds[business]}: the account moved without a trade of this day"
            yield Item("fund", business, "fund_unmatched", fen, None, action)
