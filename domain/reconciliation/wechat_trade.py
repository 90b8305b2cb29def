"""WeChat Pay's trade bill: ALL, SUCCESS or REFUND, with the columns of any year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from types import MappingProxyType

from domain.reconciliation.columns import Aliases, Columns
from domain.reconciliation.money import decimals, fee_units, fen, fine_yuan, yuan
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import Totals, Trade, TradeBill, china_time
from domain.reconciliation.stream import Digests
from domain.reconciliation.wechat_sheet import Sheet

MARK = "微信订单号"  # a header with it is a trade bill's
_NEEDED: Aliases = MappingProxyType(
    {
        "at": ("交易时间",),
        "merchant": ("商户号",),
        "trade_id": ("微信订单号",),
        "order": ("商户订单号",),
        "state": ("交易状态",),
        "currency": ("货币种类",),
        "settle": ("应结订单金额", "总金额"),
        "fee": ("手续费",),
    }
)
_OPTIONAL: Aliases = MappingProxyType(
    {
        "order_fen": ("订单金额", "总金额"),
        "order_new": ("订单金额",),
        "refund_id": ("微信退款单号",),
        "refund": ("商户退款单号",),
        "refund_settle": ("退款金额",),
        "refund_asked": ("申请退款金额", "退款金额"),
        "refund_coupon": ("充值券退款金额", "企业红包退款金额"),
        "refund_state": ("退款状态",),
        "refunded_at": ("退款成功时间",),
    }
)
_FOOT: Aliases = MappingProxyType(
    {
        "settle": ("应结订单总金额", "总交易额", "总金额"),
        "order": ("订单总金额",),
        "refund": ("退款总金额", "总退款金额"),
        "asked": ("申请退款总金额",),
        "coupon": ("充值券退款总金额", "总企业红包退款金额"),
        "fee": ("手续费总金额",),
    }
)
_NOTHING = ("", "0")
_NO_MONEY = ("", "0", "0.00")
_STATES = ("SUCCESS", "REFUND", "REVOKED")


class _Reader:
    """Rows of values to trades, with the columns where this bill has them."""

    def __init__(self, name: str, columns: Columns) -> None:
        self._name, where = name, columns.where
        self._at, self._merchant, self._state = (columns.index(key) for key in ("at", "merchant", "state"))
        self._trade_id, self._order = columns.index("trade_id"), columns.index("order")
        self._settle, self._fee, self._currency = (columns.index(key) for key in ("settle", "fee", "currency"))
        order = where["order_fen"]
        self._order_fen = self._settle if order is None else order
        self._where = where
        back = (where[key] for key in ("refund_asked", "refund_settle", "refund_coupon"))
        paid = [] if where["order_new"] is None else [where["order_new"], self._settle]
        self._others = {"SUCCESS": [index for index in back if index is not None], "REFUND": paid}
        self.merchants: set[str] = set()
        self.coupons_fen = 0  # given back as coupons; only the foot asks for them

    def trade(self, line: int, values: list[str]) -> Trade:
        try:
            return self._trade(line, values)
        except ValueError as error:
            raise BadBill(self._name, f"{error}: the row is changed", line=line) from error

    def _trade(self, line: int, values: list[str]) -> Trade:
        state = values[self._state]
        if state not in _STATES:
            raise ValueError(f"交易状态 {state!r} is none of {', '.join(_STATES)}")
        if values[self._currency] != "CNY":
            raise ValueError(f"货币种类 {values[self._currency]!r} is not CNY")
        self.merchants.add(values[self._merchant])
        if not values[self._order] or not values[self._trade_id]:
            raise ValueError("no order number")
        self._check_columns(values, self._others.get(state, ()))
        if state != "SUCCESS":
            return self._refund(line, values)
        amounts = fen(values[self._order_fen]), fen(values[self._settle]), fee_units(values[self._fee])
        at = china_time(values[self._at])
        ids = values[self._order], values[self._trade_id], "", ""
        return Trade("payment", *ids, at, *amounts, "SUCCESS", line)

    def _check_columns(self, values: list[str], others: Sequence[int]) -> None:
        """What is a refund's is nought in a payment's row, and the other way round: no sum of the foot has it twice."""
        if wrong := [values[index] for index in others if values[index] not in _NO_MONEY]:
            raise ValueError(f"{wrong[0]} under a column that is not of a {values[self._state]}")

    def _refund(self, line: int, values: list[str]) -> Trade:
        def of(key: str) -> str:
            index = self._where[key]
            return "" if index is None else values[index]

        asked, settled = (-fen(of(key) or "0.00") for key in ("refund_asked", "refund_settle"))
        self.coupons_fen += fen(of("refund_coupon") or "0.00")
        order, refund = values[self._order], of("refund")
        ids = order, values[self._trade_id], order if refund in _NOTHING else refund, of("refund_id")
        at = china_time(of("refunded_at") or values[self._at])
        fee = fee_units(values[self._fee])
        state = of("refund_state") or "SUCCESS"
        return Trade("refund", *ids, at, asked, settled, fee, state, line)


def read(name: str, numbered: Iterator[tuple[int, str]], digests: Digests) -> TradeBill:
    """The bill in the lines of a file. Raises BadBill."""
    sheet = Sheet(name, numbered, "总交易单数")
    reader = _Reader(name, Columns(name, sheet.header, sheet.header_line, _NEEDED, _OPTIONAL))
    rows = [reader.trade(line, values) for line, values in sheet.rows()]
    check_once(name, rows)
    sums = _sums(rows, reader.coupons_fen)
    _check_foot(name, sheet, len(rows), sums)
    told = {**_totals(rows, sums), "sha1": digests.sha1}
    day, merchants = day_of(name, rows), tuple(sorted(reader.merchants))
    if len(merchants) > 1:
        raise BadBill(name, f"rows of {' and '.join(merchants)} in one bill: it was put together by hand")
    return TradeBill(name=name, digests=digests, totals=told, channel="wechat", day=day, rows=rows, merchants=merchants)


def _sums(rows: list[Trade], coupons_fen: int) -> dict[str, int]:
    paid = [row for row in rows if row.kind == "payment"]
    back = [row for row in rows if row.kind == "refund"]
    return {
        "settle": sum(row.settle_fen for row in paid),
        "order": sum(row.order_fen for row in paid),
        "refund": -sum(row.settle_fen for row in back),
        "asked": -sum(row.order_fen for row in back),
        "coupon": coupons_fen,
        "fee": sum(row.fee_units for row in rows),
    }


def _totals(rows: list[Trade], sums: dict[str, int]) -> Totals:
    refunds = sum(row.kind == "refund" for row in rows)
    return {
        "accepted": True,
        "detail_rows": len(rows),
        "payments": len(rows) - refunds,
        "refunds": refunds,
        "order_total_fen": sums["order"],
        "settle_total_fen": sums["settle"],
        "refund_total_fen": sums["refund"],
        "fee_total_yuan": fine_yuan(sums["fee"]),
    }


def _check_foot(name: str, sheet: Sheet, count: int, sums: dict[str, int]) -> None:
    said = sheet.told("总交易单数")
    if said is None or not said.isdecimal() or int(said) != count:
        raise BadBill(name, f"the foot says {said} rows, and there are {count}: rows are missing, added or doubled")
    if sheet.told(*_FOOT["settle"]) is None:
        raise BadBill(name, f"the foot has no {_FOOT['settle'][0]}")
    for key, names in _FOOT.items():
        text = sheet.told(*names)
        if text is not None and not _agrees(text, sums[key], fee=key == "fee"):
            here = fine_yuan(sums[key]) if key == "fee" else yuan(sums[key])
            raise BadBill(name, f"the foot says {names[0]} {text}, and the rows come to {here}: it was changed")


def _agrees(text: str, value: int, *, fee: bool) -> bool:
    """Whether a sum is as the foot has it, to the decimals it was written with: old bills round the fees."""
    try:
        if not fee:
            return fen(text) == value
        return 2 * abs(fee_units(text) - value) <= 10 ** (5 - decimals(text)) - (decimals(text) == 5)
    except ValueError:
        return False


def check_once(name: str, rows: list[Trade]) -> None:
    """Refuse a bill that holds one row twice."""
    lines: dict[tuple[str, ...], int] = {}
    for row in rows:
        before = lines.setdefault(row.identity, row.line)
        if before != row.line:
            raise BadBill(name, f"this row stands at line {before} already: rows were doubled", line=row.line)


def day_of(name: str, rows: list[Trade]) -> date | None:
    """The day of a bill: that of its payments; refunds may tell the time of what they give back. None: no rows."""
    paid = [row for row in rows if row.kind == "payment"]
    if not rows:
        return None
    day = (paid[0] if paid else max(rows, key=lambda row: row.at)).at.date()
    for row in rows:
        on = row.at.date()
        if on != day and (row.kind == "payment" or on > day):
            raise BadBill(name, f"a row of {on} in a bill of {day}", line=row.line)
    return day
