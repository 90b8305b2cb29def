"""The bank: payouts of the providers and cash taken there, against the statement's lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import msgspec

from domain.reconciliation.context import Context
from domain.reconciliation.funds import payouts
from domain.reconciliation.items import Item
from domain.reconciliation.money import yuan
from domain.reconciliation.rows import BankLine

PROVIDERS = {
    "wechat": ("财付通", "微信", "理财通"),
    "alipay": ("支付宝", "蚂蚁"),
}
_ANY = tuple(word for words in PROVIDERS.values() for word in words)


class Expected(msgspec.Struct, frozen=True):
    """Money that should be on the statement."""

    key: str
    fen: int
    day: date
    words: tuple[str, ...]  # one of them is in the line; none: in no line of a provider
    note: str = ""


def expected(context: Context) -> list[Expected]:
    """What left for the bank on this day."""
    found: list[Expected] = []
    for channel, flows in context.gathered.flows.items():
        for row in payouts(flows):
            key = row.voucher if row.voucher not in ("", "0") else row.flow
            found.append(Expected(key, -row.fen, row.at.date(), PROVIDERS[channel]))
    for deposit in context.books.deposits:
        day = context.time(deposit.at).date()
        found.append(Expected(deposit.deposit_id, deposit.amount_fen, day, ()))
    return sorted(found, key=lambda each: (each.day, each.key))


def match(context: Context, wanted: Iterable[Expected]) -> Iterator[Item]:
    """An item for each payout and deposit, and for each line of these days that is neither."""
    bank = context.gathered.bank
    if bank is None:
        return
    lines = sorted((row for row in bank if row.fen > 0), key=lambda row: (row.day, row.number))
    by_fen: defaultdict[int, list[BankLine]] = defaultdict(list)
    for line in lines:
        by_fen[line.fen].append(line)
    taken: set[str] = set()
    last = max((row.day for row in bank), default=context.day)
    for each in wanted:
        line = _line_of(context, each, by_fen[each.fen], taken)
        if line is not None:
            taken.add(line.number)
        yield _of_expected(context, each, line, last)
    yield from _left_over(context, [line for line in lines if line.number not in taken])


def _line_of(context: Context, each: Expected, lines: list[BankLine], taken: set[str]) -> BankLine | None:
    until = each.day + timedelta(days=context.rules.settle_days)
    fitting = [line for line in lines if each.day <= line.day <= until and line.number not in taken]
    if each.words:
        return next((line for line in fitting if any(word in line.words for word in each.words)), None)
    return next((line for line in fitting if not any(word in line.words for word in _ANY)), None)


def _of_expected(context: Context, each: Expected, line: BankLine | None, last: date) -> Item:
    what = "settlement" if each.words else "cash_deposit"
    if line is not None:
        return Item("bank", each.key, f"{what}_matched", line.fen, each.fen, f"bank line {line.number}")
    due = each.day + timedelta(days=context.rules.settle_days)
    if last < due:
        action = f"not on the statement, which ends on {last}: expected by {due}"
        return Item("bank", each.key, f"{what}_pending", None, each.fen, action)
    return Item("bank", each.key, f"{what}_missing", None, each.fen, f"not on the statement by {due}: ask the bank")


def _left_over(context: Context, lines: list[BankLine]) -> Iterator[Item]:
    """Lines of this day's money: dated that day or the next. A payout of the day before is of that day's account."""
    following = context.day + timedelta(days=1)
    for line in lines:
        payout = any(word in line.words for word in _ANY)
        if payout and line.day == following:
            action = f"{yuan(line.fen)} from a provider: no payout of that amount on the fund bill"
            yield Item("bank", line.number, "settlement_unmatched", line.fen, None, action)
        elif not payout and line.day in (context.day, following):
            action = f"deposit {yuan(line.fen)}: no bank-deposit record on our side"
            yield Item("bank", line.number, "cash_deposit_unmatched", line.fen, None, action)
