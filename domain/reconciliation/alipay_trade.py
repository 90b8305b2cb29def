"""Alipay's trade bill (业务明细): payments and refunds, and the summary of the same day that must say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from types import MappingProxyType

from domain.reconciliation.alipay_sheet import AlipaySheet, Shape
from domain.reconciliation.columns import Aliases, Columns
from domain.reconciliation.money import FEE_UNITS, fen, yuan
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import Totals, Trade, TradeBill, china_time
from domain.reconciliation.stream import Digests
from domain.reconciliation.wechat_trade import check_once

MARK = "业务明细"
_NEEDED: Aliases = MappingProxyType(
    {
        "trade_id": ("支付宝交易号",),
        "order": ("商户订单号",),
        "kind": ("业务类型",),
        "at": ("完成时间",),
        "order_fen": ("订单金额(元)",),
        "settle": ("商家实收(元)",),
        "fee": ("服务费(元)",),
        "refund": ("退款批次号/请求号", "退款批次号"),
    }
)
_OPTIONAL: Aliases = MappingProxyType(
    {
        "discount": ("商家优惠(元)",),
        "coupons": ("券核销金额(元)",),
        "gifts": ("商家红包消费金额(元)",),
        "cards": ("卡消费金额(元)",),
        "goods": ("商品名称",),
        "shop": ("门店名称",),
        "operator": ("操作员",),
        "party": ("对方账户",),
        "coupon": ("券名称",),
        "note": ("备注",),
    }
)
_FREE = ("goods", "shop", "operator", "party", "coupon", "note")
_LESS = ("discount", "coupons", "gifts", "cards")  # what of an order the merchant does not get
_KINDS = {"交易": "payment", "退款": "refund"}
_SUMMARY: Aliases = MappingProxyType(
    {
        "payments": ("交易订单总笔数",),
        "refunds": ("退款订单总笔数",),
        "order_total_fen": ("订单金额(元)",),
        "real_total_fen": ("商家实收(元)",),
        "fee_total_fen": ("服务费(元)",),
    }
)
_COUNT = re.compile(r"合计：(\d+)笔")
_SUM = re.compile(r"，(商家实收|商家优惠)(?:退款)?共(-?\d+\.\d{2})元")


class _Reader:
    """Rows of values to trades, with the columns where this bill has them."""

    def __init__(self, name: str, columns: Columns) -> None:
        self._name = name
        self._columns = [columns.index(key) for key in _NEEDED]
        self._discount = columns.where["discount"]
        self.discounts_fen = {"payment": 0, "refund": 0}  # only the foot asks for them
        less = (columns.where[key] for key in _LESS)
        self._less = [] if self._discount is None else [index for index in less if index is not None]
        free = [index for key in _FREE if (index := columns.where[key]) is not None]
        self.shape = Shape(columns.count, free, self._fits)

    def trade(self, line: int, values: list[str]) -> Trade:
        try:
            found = self._trade(line, values)
            if self._discount is not None:
                self.discounts_fen[found.kind] += fen(values[self._discount] or "0.00")
                self._check_sum(found, values)
        except ValueError as error:
            raise BadBill(self._name, f"{error}: the row is changed", line=line) from error
        return found

    def _trade(self, line: int, values: list[str]) -> Trade:
        trade_id, order, word, at, asked, settled, fee, refund = (values[index] for index in self._columns)
        kind = _KINDS.get(word)
        if kind is None or not trade_id or not order:
            raise ValueError(f"业务类型 {word!r}, 商户订单号 {order!r}: neither a payment nor a refund")
        amounts = fen(asked), fen(settled), -fen(fee or "0.00") * FEE_UNITS
        if (amounts[0] < 0) != (kind == "refund") and amounts[0]:
            raise ValueError(f"{word} of {asked}")
        moment = china_time(at)
        if kind == "payment":
            return Trade("payment", order, trade_id, "", "", moment, *amounts, "SUCCESS", line)
        # Their bill has no number of its own for a refund: two of one payment are told apart by their times.
        return Trade("refund", order, trade_id, refund or order, at, moment, *amounts, "SUCCESS", line)

    def _check_sum(self, found: Trade, values: list[str]) -> None:
        """No foot has the sum of orders: what nothing was taken off has come whole."""
        is_whole = all(not fen(values[index] or "0.00") for index in self._less)
        if is_whole and found.order_fen != found.settle_fen:
            raise ValueError(
                f"商家实收 {yuan(found.settle_fen)} of 订单金额 {yuan(found.order_fen)}, and nothing taken off"
            )

    def _fits(self, values: list[str]) -> object | None:
        try:
            return self._trade(0, values).content
        except ValueError:
            return None


def read(name: str, numbered: Iterator[tuple[int, str]], digests: Digests) -> TradeBill:
    """The trades in the lines of a detail file. Raises BadBill."""
    sheet = AlipaySheet(name, numbered)
    if MARK not in sheet.title:
        remedy = "give the trade bill (bill_type=trade, 业务明细)"
        raise BadBill(name, f"this is {sheet.title}, not {MARK}", line=1, remedy=remedy)
    columns = Columns(name, sheet.header, sheet.header_line, _NEEDED, _OPTIONAL)
    reader = _Reader(name, columns)
    rows = [reader.trade(line, values) for line, values in sheet.rows(reader.shape)]
    check_once(name, rows)
    _check_foot(name, sheet, rows, reader.discounts_fen)
    day = one_day(name, sheet)
    for row in rows:
        if row.at.date() != day:
            raise BadBill(name, f"a row of {row.at.date()} in a bill of {day}", line=row.line)
    account, totals = sheet.account, _totals(rows)
    return TradeBill(
        name=name, digests=digests, totals=totals, channel="alipay", day=day, rows=rows, merchants=(account,)
    )


def one_day(name: str, sheet: AlipaySheet) -> date:
    if sheet.end not in (sheet.first, sheet.first + timedelta(days=1)):
        remedy = "download the bill of each day by itself"
        raise BadBill(name, f"a bill of {sheet.first} to {sheet.end}, not of one day", remedy=remedy)
    return sheet.first


def _totals(rows: list[Trade]) -> Totals:
    payments = sum(row.kind == "payment" for row in rows)
    return {
        "accepted": True,
        "payments": payments,
        "refunds": len(rows) - payments,
        "order_total_fen": sum(row.order_fen for row in rows),
        "real_total_fen": sum(row.settle_fen for row in rows),
        "fee_total_fen": -sum(row.fee_units for row in rows) // FEE_UNITS,
    }


def _check_foot(name: str, sheet: AlipaySheet, rows: list[Trade], discounts_fen: dict[str, int]) -> None:
    for word, kind in _KINDS.items():
        of_kind = [row for row in rows if row.kind == kind]
        text = sheet.foot_line(f"#{word}合计")
        count, sums = _COUNT.search(text), dict(_SUM.findall(text))
        here = {"商家实收": yuan(sum(row.settle_fen for row in of_kind)), "商家优惠": yuan(discounts_fen[kind])}
        wrong = [
            each
            for each, said in sums.items()
            if said not in (here[each], f"-{here[each]}" if here[each] == "0.00" else "")
        ]
        if count is None or int(count[1]) != len(of_kind) or "商家实收" not in sums or wrong:
            found = f"{len(of_kind)} rows, {', '.join(f'{key} {value}' for key, value in here.items())}"
            raise BadBill(name, f"the foot says {text.lstrip('#')!r}, and there are {found}: cut, changed or doubled")


def check_summary(bill: TradeBill, name: str, numbered: Iterator[tuple[int, str]]) -> None:
    """Hold a summary (业务明细(汇总)) against the details. Raises BadBill where they differ."""
    sheet = AlipaySheet(name, numbered)
    columns = Columns(name, sheet.header, sheet.header_line, _SUMMARY, {})
    rows = list(sheet.rows(Shape(columns.count, (), lambda _: None)))
    line, last = rows[-1] if rows else (sheet.header_line, [])
    if ((sheet.account,), one_day(name, sheet)) != (bill.merchants, bill.day):
        raise BadBill(name, "the summary is of another account or day than the details")
    if not last or last[0] != "合计":
        raise BadBill(name, "the summary has no row 合计: cut off", line=line)
    for key, names in _SUMMARY.items():
        text, here = last[columns.index(key)], bill.totals[key]
        if text != (yuan(here) if key.endswith("_fen") else str(here)):
            raise BadBill(name, f"{names[0]} {text} in the summary, {here} in the details: one was changed", line=line)
