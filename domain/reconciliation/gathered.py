"""The files of a day put together: the same whatever their order, and however often each is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TypeVar

import msgspec

from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import (
    AnyFile,
    BankLine,
    File,
    Flow,
    FundBill,
    Income,
    IncomeBill,
    Statement,
    Trade,
    TradeBill,
)

_ONE = "give one of them: the one that was downloaded last"
Row = TypeVar("Row", Trade, Flow, BankLine, Income)
Of = TypeVar("Of", TradeBill, FundBill)


class Gathered(msgspec.Struct, frozen=True):
    """What the providers and the bank say of a day. A channel without a bill has no key; no statement is None."""

    files: tuple[AnyFile, ...]
    trades: dict[str, list[Trade]]
    flows: dict[str, list[Flow]]
    bank: list[BankLine] | None
    sheds: list[Income] | None = None


def gather(files: Iterable[AnyFile], day: date, merchants: Mapping[str, str], without: Iterable[str] = ()) -> Gathered:
    """Raises BadBill where files are of another day or merchant, or contradict each other."""
    once = {
        each.digests.sha256: each
        for each in sorted(files, key=lambda each: (each.digests.sha256, each.name), reverse=True)
    }
    kept = tuple(sorted(once.values(), key=lambda each: (each.name, each.digests.sha256)))
    trade_bills = [each for each in kept if isinstance(each, TradeBill)]
    fund_bills = [each for each in kept if isinstance(each, FundBill)]
    statements = [each for each in kept if isinstance(each, Statement)]
    sheets = [each for each in kept if isinstance(each, IncomeBill)]
    for bill in (*trade_bills, *fund_bills, *sheets):
        _check_day(bill, day)
    _check_merchants(trade_bills, merchants)
    trades: dict[str, list[Trade]] = {channel: [] for channel in without}
    for channel, bills in _by_channel(trade_bills).items():
        if channel in trades:
            raise BadBill(bills[0].name, f"{channel} has a bill, and --no-bill {channel} says it has none", remedy=_ONE)
        trades[channel] = _trades(bills)
    flows = {channel: _flows(bills) for channel, bills in _by_channel(fund_bills).items()}
    _check_of_one_account(trades, flows, fund_bills)
    bank, sheds = _bank(statements) if statements else None, _sheds(sheets) if sheets else None
    return Gathered(kept, trades, flows, bank, sheds)


def _by_channel(bills: Iterable[Of]) -> dict[str, list[Of]]:
    found: dict[str, list[Of]] = {}
    for bill in bills:
        found.setdefault(bill.channel, []).append(bill)
    return found


def _check_day(bill: TradeBill | FundBill | IncomeBill, day: date) -> None:
    if bill.day is not None and bill.day != day:
        remedy = f"reconcile it by itself: --day {bill.day}"
        raise BadBill(bill.name, f"it is the bill of {bill.day}, and {day} was asked for", remedy=remedy)


def _check_merchants(bills: list[TradeBill], merchants: Mapping[str, str]) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for bill in bills:
        for merchant in bill.merchants:
            ours, before = merchants.get(bill.channel), seen.setdefault(bill.channel, (merchant, bill.name))
            if ours is not None and merchant not in (ours, f"{ours}0156"):
                remedy = f"ours is {ours}: give our own bill"
                raise BadBill(bill.name, f"it is the bill of merchant {merchant}", remedy=remedy)
            if before[0] != merchant:
                remedy = f"say which is ours: --merchant {bill.channel}=NUMBER"
                raise BadBill(bill.name, f"of merchant {merchant}, and {before[1]} of {before[0]}", remedy=remedy)


def _union(files: Iterable[tuple[File, list[Row]]], key: Callable[[Row], object]) -> dict[object, Row]:
    """The rows of several files, each once. Raises BadBill where two files tell one row differently."""
    found: dict[object, Row] = {}
    for file, rows in files:
        for row in rows:
            before = found.setdefault(key(row), row)
            if before is not row and before.content != row.content:
                raise BadBill(file.name, "another file tells this row differently", line=row.line, remedy=_ONE)
    return found


def _trades(bills: list[TradeBill]) -> list[Trade]:
    """The payments of bills ALL and SUCCESS are the same, and the refunds of ALL and REFUND."""
    if len(bills) == 1:
        return bills[0].rows
    for kind in ("payment", "refund"):
        told = [(bill, {row.identity for row in bill.rows if row.kind == kind}) for bill in bills]
        some = [(bill, rows) for bill, rows in told if rows]
        for bill, rows in some[1:]:
            if rows != some[0][1]:
                reason = f"its {kind}s are others than those of {some[0][0].name}: two versions of one bill"
                raise BadBill(bill.name, reason, remedy=_ONE)
    return list(_union(((bill, bill.rows) for bill in bills), lambda row: row.identity).values())


def _flows(bills: list[FundBill]) -> list[Flow]:
    """Accounts have movements of their own (BASIC, FEES, OPERATION); versions of one account share some."""
    if len(bills) == 1:
        return bills[0].rows
    keys = [{(row.flow, row.kind, row.fen) for row in bill.rows} for bill in bills]
    for at, bill in enumerate(bills):
        for before in range(at):
            if keys[before] != keys[at] and keys[before] & keys[at]:
                reason = f"its movements are some of {bills[before].name}'s, not all: two versions of one bill"
                raise BadBill(bill.name, reason, remedy=_ONE)
    return list(_union(((bill, bill.rows) for bill in bills), lambda row: (row.flow, row.kind, row.fen)).values())


def _bank(statements: list[Statement]) -> list[BankLine]:
    return list(_union(((each, each.rows) for each in statements), lambda row: row.number).values())


def _sheds(sheets: list[IncomeBill]) -> list[Income]:
    return list(_union(((each, each.rows) for each in sheets), lambda row: row.key).values())


def _check_of_one_account(
    trades: Mapping[str, list[Trade]], flows: Mapping[str, list[Flow]], bills: list[FundBill]
) -> None:
    """A fund bill that knows none of the trades is another account's."""
    for bill in bills:
        known = {row.trade_id for row in trades.get(bill.channel, ())} | {
            row.refund_id for row in trades.get(bill.channel, ())
        }
        moved = {row.business for row in flows[bill.channel] if row.kind == "交易"}
        if known and moved and not known & moved:
            reason = "none of its trades is in the trade bill: it is another merchant's"
            raise BadBill(bill.name, reason, remedy="give both bills of one merchant and day")
