"""WeChat Pay's fund bill: each movement of the account, with a balance that must follow from the one before."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from types import MappingProxyType

from domain.reconciliation.columns import Aliases, Columns
from domain.reconciliation.money import fen, yuan
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import Flow, FundBill, Totals, china_time
from domain.reconciliation.stream import Digests
from domain.reconciliation.wechat_sheet import Sheet

MARK = "资金流水单号"
PAYOUT = "提现"
_NEEDED: Aliases = MappingProxyType(
    {
        "at": ("记账时间",),
        "business": ("微信支付业务单号",),
        "flow": ("资金流水单号",),
        "kind": ("业务类型",),
        "way": ("收支类型",),
        "amount": ("收支金额(元)",),
        "balance": ("账户结余(元)",),
    }
)
_OPTIONAL: Aliases = MappingProxyType({"voucher": ("业务凭证号",)})
_SIGNS = {"收入": 1, "支出": -1}


def read(name: str, numbered: Iterator[tuple[int, str]], digests: Digests) -> FundBill:
    """The fund bill in the lines of a file. Raises BadBill."""
    sheet = Sheet(name, numbered, "资金流水总笔数")
    columns = Columns(name, sheet.header, sheet.header_line, _NEEDED, _OPTIONAL)
    reader = _Reader(name, columns)
    rows = [reader.flow(line, values) for line, values in sheet.rows()]
    _check_once(name, rows)
    _check_foot(name, sheet, rows)
    day = _day(name, rows)
    totals: Totals = {"accepted": True, "rows": len(rows), **_balances(name, rows)}
    return FundBill(name=name, digests=digests, totals=totals, channel="wechat", day=day, rows=rows)


class _Reader:
    """Rows of values to movements, with the columns where this bill has them. A fee stands behind its trade: they
    share what they say alike, because there are two movements to every trade."""

    def __init__(self, name: str, columns: Columns) -> None:
        self._name = name
        self._columns = [columns.index(key) for key in _NEEDED]
        self._voucher = columns.where["voucher"]
        self._business, self._at, self._time = "", "", china_time("2000-01-01 00:00:00")

    def flow(self, line: int, values: list[str]) -> Flow:
        try:
            return self._flow(line, values)
        except ValueError as error:
            raise BadBill(self._name, f"{error}: the row is changed", line=line) from error

    def _flow(self, line: int, values: list[str]) -> Flow:
        at, business, flow, kind, way, amount, balance = (values[index] for index in self._columns)
        if way not in _SIGNS or amount.startswith("-"):
            raise ValueError(f"收支类型 {way!r} of {amount}: neither 收入 nor 支出")
        if at != self._at:
            self._at, self._time = at, china_time(at)
        if business != self._business:
            self._business = business
        kind = sys.intern(kind)
        voucher = "" if self._voucher is None or not kind.startswith(PAYOUT) else values[self._voucher]
        moved = _SIGNS[way] * fen(amount)
        return Flow(self._time, self._business, flow, kind, moved, fen(balance), voucher, line)


def _check_foot(name: str, sheet: Sheet, rows: list[Flow]) -> None:
    incoming = [row.fen for row in rows if row.fen > 0]
    outgoing = [-row.fen for row in rows if row.fen <= 0]
    here = {
        "资金流水总笔数": str(len(rows)),
        "收入笔数": str(len(incoming)),
        "收入金额": yuan(sum(incoming)),
        "支出笔数": str(len(outgoing)),
        "支出金额": yuan(sum(outgoing)),
    }
    for key, found in here.items():
        said = sheet.told(key, f"{key}(元)")
        if said != found:
            raise BadBill(name, f"the foot says {key} {said}, and the rows come to {found}: it was cut or changed")


def _check_once(name: str, rows: list[Flow]) -> None:
    lines: dict[tuple[str, str, int], int] = {}
    for row in rows:
        before = lines.setdefault((row.flow, row.kind, row.fen), row.line)
        if before != row.line:
            raise BadBill(
                name, f"movement {row.flow} stands at line {before} already: rows were doubled", line=row.line
            )


def _day(name: str, rows: list[Flow]) -> date | None:
    if not rows:
        return None
    day = rows[0].at.date()
    for row in rows:
        if row.at.date() != day:
            raise BadBill(name, f"a row of {row.at.date()} in a bill of {day}", line=row.line)
    return day


def _balances(name: str, rows: list[Flow]) -> Totals:
    """The balance at the beginning and the end: each but the last must be where another row began."""
    if not rows:
        return {}
    before, after = Counter(row.balance_fen - row.fen for row in rows), Counter(row.balance_fen for row in rows)
    begun, ended = list((before - after).elements()), list((after - before).elements())
    if len(begun) > 1:
        wrong = next(row.line for row, last in zip(rows[1:], rows, strict=False) if _breaks(row, last))
        raise BadBill(name, "the balance does not follow from the row before: a row is missing or changed", line=wrong)
    if not begun:  # all that came in went out again
        begun = ended = [rows[0].balance_fen - rows[0].fen]
    return {"closing_balance_fen": ended[0], "opening_balance_fen": begun[0]}


def _breaks(row: Flow, last: Flow) -> bool:
    return row.balance_fen - row.fen != last.balance_fen
