"""Refunds: ours against the bill's, by the merchant's refund number; several attempts of one are one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from domain.reconciliation.books import Refund
from domain.reconciliation.context import Context
from domain.reconciliation.items import Item
from domain.reconciliation.rows import Trade

_BEST = {"SUCCESS": 0, "PROCESSING": 1, "CHANGE": 2, "FAIL": 3}
_OURS = {"FAILED": "FAIL", "CLOSED": "FAIL", "ABNORMAL": "CHANGE", "PENDING": "PROCESSING"}
_OUTSIDE = "refund made outside the system: investigate, book to suspense"
_FROZEN = "the bill's state is frozen at its time: follow up with a refund query"
_QUERY = "query the refund at the provider; if it was not made, make it or book it back"
_WAIT = "given back within the cut-off window at midnight: wait for the next bill"


def attempts(trades: list[Trade]) -> dict[str, list[Trade]]:
    """The rows of each refund number, that which counts first."""
    found: defaultdict[str, list[Trade]] = defaultdict(list)
    for row in trades:
        if row.kind == "refund":
            found[row.refund].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (_BEST.get(row.state, 9), row.at, row.refund_id))
    return found


def superseded(trades: list[Trade]) -> list[Trade]:
    """Attempts that came to nothing, because another of the same number counts."""
    rest = (rows[1:] for rows in attempts(trades).values())
    return [row for rows in rest for row in rows if row.state != "SUCCESS"]


def match(context: Context, channel: str, trades: list[Trade]) -> Iterator[Item]:
    """An item for each refund of the bill, and for each of ours that should be on it."""
    billed = attempts(trades)
    ours = {each.out_refund_no: each for each in context.books.refunds if each.channel == channel}
    for number, rows in billed.items():
        yield _of_bill(context, channel, rows[0], ours.get(number))
        for count, row in enumerate(rows[1:], 2):
            if row.state == "SUCCESS":
                action = f"the refund {number} was paid out once more: investigate"
                yield Item(channel, f"{number}#{count}", "refund_missing_local", row.order_fen, None, action)
    for number, refund in ours.items():
        if number not in billed:
            yield from _of_ours(context, refund)


def state_of(refund: Refund) -> str:
    """Our state in the words of the bills."""
    return _OURS.get(refund.status, refund.status)


def _of_bill(context: Context, channel: str, row: Trade, refund: Refund | None) -> Item:
    if refund is None:
        kind = "refund_missing_local"
        return Item(channel, row.refund, kind, row.order_fen, None, _OUTSIDE, _unless_success(row))
    amounts = row.order_fen, -refund.amount_fen
    if amounts[0] != amounts[1]:
        action = f"investigate; difference {amounts[0] - amounts[1]:+}"
        return Item(channel, row.refund, "amount_mismatch", *amounts, action)
    ours = state_of(refund)
    if row.state != ours or row.state == "CHANGE":
        action = f"{row.state} on the bill, {refund.status} here: query the refund"
        return Item(channel, row.refund, "refund_state_mismatch", *amounts, action)
    if row.state == "PROCESSING":
        return Item(channel, row.refund, "refund_processing", *amounts, _FROZEN)
    note = _unless_success(row) or _other_day(context, refund)
    return Item(channel, row.refund, "refund_matched", *amounts, "none", note)


def _unless_success(row: Trade) -> str:
    return "" if row.state == "SUCCESS" else f"{row.state} on the bill"


def _other_day(context: Context, refund: Refund) -> str:
    day = context.local_day(refund.at) if refund.at else context.day
    return "" if day == context.day else f"provider day {context.day}; local clock says {day}"


def _of_ours(context: Context, refund: Refund) -> Iterator[Item]:
    if state_of(refund) not in ("SUCCESS", "PROCESSING") or refund.status == "PENDING":
        return  # nothing went out, or nobody has asked the provider yet
    where = context.expected_on(refund.at)
    if where == "cutoff":
        yield Item(refund.channel, refund.out_refund_no, "cutoff_pending", None, -refund.amount_fen, _WAIT)
    elif where == "here":
        yield Item(refund.channel, refund.out_refund_no, "refund_missing_in_bill", None, -refund.amount_fen, _QUERY)
