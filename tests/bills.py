"""A day of a lot as its books and its bills tell it, written as the providers write; faults are put in by name."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

DAY = date(2026, 3, 14)
Row = dict[str, str]
Expected = dict[tuple[str, str], str]  # class by channel and key; what agrees is not listed


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TRADE = _names(
    """交易时间 公众账号ID 商户号 特约商户号 设备号 微信订单号 商户订单号 用户标识 交易类型 交易状态
    付款银行 货币种类 应结订单金额 代金券金额 微信退款单号 商户退款单号 退款金额 充值券退款金额 退款类型 退款状态
    商品名称 商户数据包 手续费 费率 订单金额 申请退款金额 费率备注"""
)
FUND = _names(
    """记账时间 微信支付业务单号 资金流水单号 业务名称 业务类型 收支类型 收支金额(元) 账户结余(元)
    资金变更提交申请人 备注 业务凭证号"""
)
ALIPAY = _names(
    """支付宝交易号 商户订单号 业务类型 商品名称 创建时间 完成时间 门店编号 门店名称 操作员 终端号 对方账户
    订单金额（元） 商家实收（元） 支付宝红包（元） 集分宝（元） 支付宝优惠（元） 商家优惠（元） 券核销金额（元） 券名称
    商家红包消费金额（元） 卡消费金额（元） 退款批次号/请求号 服务费（元） 分润（元） 备注"""
)


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"


def fee_units(fen: int) -> int:
    return fen * 6  # 0.6 %, in hundred-thousandths of a yuan


def half_up(units: int) -> int:
    return (units + 500) // 1_000


def fine(units: int) -> str:
    return f"{'-' if units < 0 else ''}{abs(units) // 100_000}.{abs(units) % 100_000:05}"


@dataclass
class Trade:
    """A payment, or a refund of one: on the bill, in our books, or both."""

    channel: str
    order: str
    fen: int
    at: datetime
    coupon_fen: int = 0
    refund: str = ""
    state: str = "SUCCESS"
    attempt: str = "1"
    goods: str = "停车费"

    @property
    def trade_id(self) -> str:
        return f"42{self.order}"

    @property
    def settle_fen(self) -> int:
        return self.fen - self.coupon_fen


@dataclass
class Day:
    """Both sides of a day."""

    day: date = DAY
    merchant: str = "1712345678"
    pid: str = "2088123456789012"
    billed: list[Trade] = field(default_factory=list[Trade])
    local: dict[str, Any] = field(default_factory=dict[str, Any])
    unmoved: set[str] = field(default_factory=set[str])  # business numbers that the account did not move
    moved_more: dict[str, int] = field(default_factory=dict[str, int])
    payouts: list[tuple[str, int, bool]] = field(default_factory=list[tuple[str, int, bool]])  # number, fen, arrived
    deposits: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    expected: Expected = field(default_factory=Expected)

    def __post_init__(self) -> None:
        lists = ("charges", "payments", "refunds", "shifts", "exit_passages")
        self.local = {"lot": "lot-B", "business_day": self.day.isoformat(), "timezone": "Asia/Shanghai"}
        self.local |= {name: [] for name in lists}

    def local_bytes(self) -> bytes:
        return json.dumps(self.local, ensure_ascii=False).encode()

    def at(self, second: int) -> datetime:
        return datetime.combine(self.day, datetime.min.time()) + timedelta(seconds=second)

    # --- our side ---

    def stay(self, number: int, fen: int, at: datetime, *, plate: str = "", exited: bool = True) -> str:
        charge, session, left = f"C{number}", f"S{number}", at + timedelta(seconds=30)
        row = {"charge_id": charge, "session_id": session, "plate": plate or f"京A{number:05}", "status": "CLOSED"}
        row |= {"entry": f"{at - timedelta(hours=2)}", "exit": f"{left}", "gross_fen": fen, "discount_fen": 0}
        self.local["charges"].append({**row, "payable_fen": fen})
        if exited:
            passage = {"passage_id": f"X{number}", "plate": row["plate"], "at": f"{left}", "lane": f"out-{number}"}
            self.local["exit_passages"].append({**passage, "opened_by": "auto", "session_id": session, "reason": None})
        return charge

    def book(self, trade: Trade, charge: str, *, status: str = "PAID", at: datetime | None = None, **more: Any) -> None:
        paid = f"{at or trade.at}" if status == "PAID" else None
        row = {"out_trade_no": trade.order, "charge_id": charge, "channel": trade.channel, "status": status}
        self.local["payments"].append({**row, "amount_fen": trade.fen, "paid_at": paid, **more})

    def book_refund(self, trade: Trade, status: str = "SUCCESS") -> None:
        row = {"out_refund_no": trade.refund, "out_trade_no": trade.order, "channel": trade.channel, "status": status}
        self.local["refunds"].append({**row, "amount_fen": trade.fen, "at": f"{trade.at}"})

    # --- the providers' side ---

    def trade_rows(self) -> list[Row]:
        return [self._trade_row(trade) for trade in self.billed if trade.channel == "wechat"]

    def _trade_row(self, trade: Trade) -> Row:
        refund = bool(trade.refund)
        units = fee_units(trade.settle_fen) * (-1 if refund else 1)
        row = dict.fromkeys(TRADE, "")
        row |= {"交易时间": f"{trade.at}", "公众账号ID": "wx1", "商户号": self.merchant, "特约商户号": "0"}
        row |= {"微信订单号": trade.trade_id, "商户订单号": trade.order, "交易类型": "NATIVE", "货币种类": "CNY"}
        row |= {"交易状态": "REFUND" if refund else "SUCCESS", "手续费": fine(units), "费率": "0.60%"}
        row |= {"商品名称": trade.goods, "代金券金额": "0.00", "充值券退款金额": "0.00"}
        paid, back = (0, trade) if refund else (trade, 0)
        row["应结订单金额"] = yuan(paid.settle_fen if paid else 0)
        row["订单金额"] = yuan(paid.fen if paid else 0)
        row["退款金额"] = yuan(back.settle_fen if back else 0)
        row["申请退款金额"] = yuan(back.fen if back else 0)
        row["微信退款单号"] = f"50{trade.refund}{trade.attempt}" if refund else "0"
        row["商户退款单号"], row["退款状态"] = (trade.refund, trade.state) if refund else ("0", "")
        return row

    def wechat(self, *, columns: Sequence[str] = TRADE, end: str = "\r\n", bom: bool = True, keep: str = "") -> bytes:
        """The trade bill; ``keep``: SUCCESS or REFUND, the rows of those alone."""
        rows = [row for row in self.trade_rows() if not keep or row["交易状态"] == keep]
        fen = {
            name: sum(_fen(row[name]) for row in rows)
            for name in ("应结订单金额", "退款金额", "订单金额", "申请退款金额")
        }
        units = sum(_units(row["手续费"]) for row in rows)
        foot = {"总交易单数": str(len(rows)), "应结订单总金额": yuan(fen["应结订单金额"])}
        foot |= {"退款总金额": yuan(fen["退款金额"]), "充值券退款总金额": "0.00", "手续费总金额": fine(units)}
        foot |= {"订单总金额": yuan(fen["订单金额"]), "申请退款总金额": yuan(fen["申请退款金额"])}
        return _ticked(columns, rows, foot, end, bom)

    def movements(self) -> list[Row]:
        balance, rows = 100_000, list[Row]()
        moves: list[tuple[str, str, int, str]] = []
        for trade in self.billed:
            if trade.channel == "wechat" and trade.state == "SUCCESS":
                moves += self._moves(trade)
        moves += [(f"P{number}", "提现", -fen, number) for number, fen, _ in self.payouts]
        for count, (business, kind, fen, voucher) in enumerate(moves):
            balance += fen
            row = dict.fromkeys(FUND, "")
            row |= {"记账时间": f"{self.at(3_600 + count % 80_000)}", "微信支付业务单号": business, "业务类型": kind}
            row |= {"资金流水单号": f"F{count}", "收支类型": "收入" if fen > 0 else "支出", "业务凭证号": voucher}
            rows.append({**row, "收支金额(元)": yuan(abs(fen)), "账户结余(元)": yuan(balance)})
        return rows

    def _moves(self, trade: Trade) -> list[tuple[str, str, int, str]]:
        fee = half_up(fee_units(trade.settle_fen))
        business = f"50{trade.refund}{trade.attempt}" if trade.refund else trade.trade_id
        if business in self.unmoved or not trade.settle_fen:
            return []
        more = self.moved_more.get(business, 0)
        if trade.refund:
            return [(business, "退款", fee - trade.settle_fen + more, trade.refund)]
        taken = [(business, "扣除交易手续费", -fee, trade.order)] if fee else []
        return [(business, "交易", trade.settle_fen + more, trade.order), *taken]

    def fund(self, *, columns: Sequence[str] = FUND, end: str = "\r\n", bom: bool = True) -> bytes:
        rows = self.movements()
        foot = {"资金流水总笔数": str(len(rows))}
        for word in ("收入", "支出"):
            fens = [_fen(row["收支金额(元)"]) for row in rows if row["收支类型"] == word]
            foot |= {f"{word}笔数": str(len(fens)), f"{word}金额": yuan(sum(fens))}
        return _ticked(columns, rows, foot, end, bom)

    def alipay_rows(self) -> list[Row]:
        return [self._alipay_row(trade) for trade in self.billed if trade.channel == "alipay"]

    def _alipay_row(self, trade: Trade) -> Row:
        sign = -1 if trade.refund else 1
        row = dict.fromkeys(ALIPAY, "")
        row |= {name: "0.00" for name in ALIPAY if name.endswith("（元）")}
        row |= {"支付宝交易号": f"{trade.trade_id}\t", "商户订单号": f"{trade.order}\t", "商品名称": trade.goods}
        row |= {
            "业务类型": "退款\t" if trade.refund else "交易\t",
            "创建时间": f"{trade.at}",
            "完成时间": f"{trade.at}",
        }
        row |= {"订单金额（元）": yuan(sign * trade.fen), "商家实收（元）": yuan(sign * trade.settle_fen)}
        row |= {"商家优惠（元）": yuan(sign * trade.coupon_fen), "退款批次号/请求号": f"{trade.refund}\t"}
        return row | {"服务费（元）": yuan(-sign * half_up(fee_units(trade.settle_fen)))}

    def alipay_detail(self, *, columns: Sequence[str] = ALIPAY, end: str = "\r\n") -> bytes:
        rows = self.alipay_rows()
        foot = [
            self._alipay_sum(rows, "交易", ""),
            self._alipay_sum(rows, "退款", "退款"),
            "#导出时间：[2026年03月15日 06:10:00]",
        ]
        table = [",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]
        return end.join([*self._head("业务明细"), *table, "#----业务明细列表结束----", *foot, ""]).encode("gbk")

    def _head(self, what: str) -> list[str]:
        first, last = (f"{each:%Y年%m月%d日} 00:00:00" for each in (self.day, self.day + timedelta(days=1)))
        return [f"#支付宝{what}查询", f"#账号：[{self.pid}0156]", f"#起始日期：[{first}]   终止日期：[{last}]", "#----"]

    def _alipay_sum(self, rows: list[Row], word: str, again: str) -> str:
        found = [row for row in rows if row["业务类型"].strip() == word]
        real, discount = (sum(_fen(row[name]) for row in found) for name in ("商家实收（元）", "商家优惠（元）"))
        return f"#{word}合计：{len(found)}笔，商家实收{again}共{yuan(real)}元，商家优惠{again}共{yuan(discount)}元"

    def alipay_summary(self, end: str = "\r\n") -> bytes:
        rows = self.alipay_rows()
        paid = sum(row["业务类型"].strip() == "交易" for row in rows)
        names = ("订单金额（元）", "商家实收（元）", "商家优惠（元）", "服务费（元）")
        sums = [yuan(sum(_fen(row[name]) for row in rows)) for name in names]
        header = ",".join(["门店编号", "门店名称", "交易订单总笔数", "退款订单总笔数", *names])
        lines = [
            ",".join([*first, str(paid), str(len(rows) - paid), *sums]) for first in (["l", "停"], ["合计\t", "\t"])
        ]
        return end.join(
            [*self._head("业务汇总"), header, *lines, "#----业务汇总列表结束----", "#导出时间：[]", ""]
        ).encode("gbk")

    def alipay(self, **how: Any) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("b.csv", self.alipay_summary())
            file.writestr("a.csv", self.alipay_detail(**how))
        return packed.getvalue()

    def bank(self, encoding: str = "utf-8") -> bytes:
        day, balance = self.day + timedelta(days=1), 1_000_000
        lines = ["交易日期,摘要,对方户名,收入金额,支出金额,余额,流水号"]
        arrived = [
            (f"B{number}", fen, "财付通提现,财付通支付科技有限公司") for number, fen, came in self.payouts if came
        ]
        for number, fen, words in [*arrived, *((number, fen, "现金存款,停车场") for number, fen in self.deposits)]:
            balance += fen
            lines.append(f'{day},{words},"{fen // 100:,}.{fen % 100:02}",0.00,{yuan(balance)},{number}')
        end = self.day + timedelta(days=6)
        lines.append(f"{end},手续费,本行,0.00,5.00,{yuan(balance - 500)},Z1")
        return ("\n".join(lines) + "\n").encode(encoding)


def _fen(text: str) -> int:
    return int(text.replace(".", ""))


def _units(text: str) -> int:
    return int(text.replace(".", ""))


def _ticked(columns: Sequence[str], rows: Iterable[Row], foot: Row, end: str, bom: bool) -> bytes:
    lines = [",".join(columns), *("`" + ",`".join(row.get(name, "") for name in columns) for row in rows)]
    lines += [",".join(foot), "`" + ",`".join(foot.values()), ""]
    return (b"\xef\xbb\xbf" if bom else b"") + end.join(lines).encode()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


# --- a day with nothing wrong, and faults one by one ---

Fault = Callable[[Day, int, Trade], None]


def pay(day: Day, number: int, channel: str, fen: int, second: int, coupon_fen: int = 0) -> Trade:
    return Trade(channel, f"PK{number:07}", fen, day.at(second), min(coupon_fen, fen), goods=f"停车费-{number}")


def plain(day: Day, number: int, trade: Trade) -> None:
    day.billed.append(trade)
    day.book(trade, day.stay(number, trade.fen, trade.at))


def lost_callback(day: Day, number: int, trade: Trade) -> None:
    day.billed.append(trade)
    day.book(trade, day.stay(number, trade.fen, trade.at), status="PENDING")
    day.expected[trade.channel, trade.order] = "bill_paid_local_unpaid"


def wrong_amount(day: Day, number: int, trade: Trade) -> None:
    charge = day.stay(number, trade.fen + 100, trade.at)
    day.billed.append(trade)
    day.book(trade, charge)
    day.local["payments"][-1]["amount_fen"] += 100
    day.expected[trade.channel, trade.order] = "amount_mismatch"


def unknown_here(day: Day, number: int, trade: Trade) -> None:
    day.billed.append(trade)
    day.expected[trade.channel, trade.order] = "missing_local"


def not_on_the_bill(day: Day, number: int, trade: Trade) -> None:
    day.book(trade, day.stay(number, trade.fen, trade.at))
    day.expected[trade.channel, trade.order] = "missing_in_bill"


def near_midnight(day: Day, number: int, trade: Trade) -> None:
    trade.at = day.at(86_400 - 300 + number % 600)
    day.book(trade, day.stay(number, trade.fen, trade.at))
    day.expected[trade.channel, trade.order] = "cutoff_pending"


def other_clock(day: Day, number: int, trade: Trade) -> None:
    trade.at = day.at(86_390)
    day.billed.append(trade)
    day.book(trade, day.stay(number, trade.fen, trade.at), at=day.at(86_420))
    day.expected[trade.channel, trade.order] = "matched_cross_day"


def paid_twice(day: Day, number: int, trade: Trade, *, returned: bool = False) -> None:
    plain(day, number, trade)
    again = Trade(trade.channel, f"{trade.order}B", trade.fen, trade.at + timedelta(seconds=20))
    day.billed.append(again)
    day.book(again, f"C{number}")
    day.expected[trade.channel, again.order] = "duplicate_refunded" if returned else "duplicate_payment"
    if returned:
        _refund(day, again, again.fen)


def paid_twice_and_returned(day: Day, number: int, trade: Trade) -> None:
    paid_twice(day, number, trade, returned=True)


def paid_in_parts(day: Day, number: int, trade: Trade) -> None:
    """The difference past the grace: two payments, and nothing wrong."""
    charge = day.stay(number, trade.fen + 200, trade.at)
    more = Trade(trade.channel, f"{trade.order}B", 200, trade.at + timedelta(seconds=20))
    for each in (trade, more):
        day.billed.append(each)
        day.book(each, charge)


def _refund(day: Day, trade: Trade, fen: int, state: str = "SUCCESS", **how: Any) -> Trade:
    at = min(trade.at + timedelta(minutes=5), day.at(86_000))
    refund = Trade(trade.channel, trade.order, fen, at, refund=f"RF{trade.order}", state=state, **how)
    day.billed.append(refund)
    if how.get("attempt", "1") == "1":
        day.book_refund(refund, "SUCCESS" if state == "FAIL" else state)
    return refund


def refunded(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    _refund(day, trade, trade.settle_fen)


def refunded_in_part(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    _refund(day, trade, (trade.settle_fen + 1) // 2)


def paid_too_much_and_returned(day: Day, number: int, trade: Trade) -> None:
    """Its charge was corrected, and what was too much has gone back: nothing is left to do."""
    day.billed.append(trade)
    day.book(trade, day.stay(number, trade.fen // 2, trade.at))
    _refund(day, trade, trade.fen - trade.fen // 2)


def refunded_at_the_second_try(day: Day, number: int, trade: Trade) -> None:
    """Alipay's bill holds no failed tries."""
    plain(day, number, trade)
    if trade.channel == "wechat":
        _refund(day, trade, trade.settle_fen, "FAIL")
        _refund(day, trade, trade.settle_fen, attempt="2")


def refund_unfinished(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    if trade.channel == "wechat":
        refund = _refund(day, trade, trade.settle_fen, "PROCESSING")
        day.expected[trade.channel, refund.refund] = "refund_processing"


def refund_failed_there(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    if trade.channel == "wechat":
        refund = _refund(day, trade, trade.settle_fen, "FAIL")
        day.expected[trade.channel, refund.refund] = "refund_state_mismatch"


def refunded_outside(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    refund = _refund(day, trade, trade.settle_fen)
    day.local["refunds"].pop()
    day.expected[trade.channel, refund.refund] = "refund_missing_local"


def refund_not_on_the_bill(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    refund = _refund(day, trade, trade.settle_fen)
    day.billed.pop()
    day.expected[trade.channel, refund.refund] = "refund_missing_in_bill"


def not_moved(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    if trade.channel == "wechat" and trade.settle_fen > 10:
        day.unmoved.add(trade.trade_id)
        day.expected["fund", trade.trade_id] = "fund_missing"


def moved_less(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    if trade.channel == "wechat" and trade.settle_fen > 10:
        day.moved_more[trade.trade_id] = -7
        day.expected["fund", trade.trade_id] = "fund_mismatch"


def no_passage(day: Day, number: int, trade: Trade) -> None:
    day.billed.append(trade)
    day.book(trade, day.stay(number, trade.fen, trade.at, exited=False))
    day.expected["passage", f"C{number}"] = "charge_without_passage"


def opened_by_hand(day: Day, number: int, trade: Trade, reason: str = "") -> None:
    row = {"passage_id": f"X{number}", "plate": "京T99999", "at": f"{trade.at}", "lane": f"out-{number}"}
    day.local["exit_passages"].append({**row, "opened_by": "manual", "reason": reason, "session_id": None})
    day.expected["passage", f"X{number}"] = "exempt_exit" if reason else "exit_without_charge"


def opened_for_a_reason(day: Day, number: int, trade: Trade) -> None:
    opened_by_hand(day, number, trade, "救护车")


def followed(day: Day, number: int, trade: Trade) -> None:
    plain(day, number, trade)
    row = {**day.local["exit_passages"][-1], "passage_id": f"X{number}B", "session_id": None, "opened_by": "none"}
    day.local["exit_passages"].append({**row, "at": f"{trade.at + timedelta(seconds=34)}"})
    day.expected["passage", f"X{number}B"] = "tailgate"


def closed_unpaid(day: Day, number: int, trade: Trade) -> None:
    day.stay(number, trade.fen, trade.at)
    day.expected["charge", f"C{number}"] = "charge_underpaid"


def till_short(day: Day, number: int, trade: Trade, gap_fen: int = -50) -> None:
    trade.channel = "cash"
    day.book(trade, day.stay(number, trade.fen, trade.at), shift_id=f"SH{number}")
    counted = 10_000 + trade.fen + gap_fen
    day.local["shifts"].append({"shift_id": f"SH{number}", "opening_float_fen": 10_000, "counted_cash_fen": counted})
    kind = "shift_short" if gap_fen < 0 else "shift_over" if gap_fen else "shift_matched"
    day.expected["cash", f"SH{number}"] = kind


def till_over(day: Day, number: int, trade: Trade) -> None:
    till_short(day, number, trade, 30)


def till_right(day: Day, number: int, trade: Trade) -> None:
    till_short(day, number, trade, 0)


def payout(day: Day, number: int, trade: Trade) -> None:
    day.payouts.append((f"WD{number}", trade.fen + 1_000, True))
    day.expected["bank", f"WD{number}"] = "settlement_matched"


def payout_never_came(day: Day, number: int, trade: Trade) -> None:
    day.payouts.append((f"WD{number}", 900_000_000 + number, False))
    day.expected["bank", f"WD{number}"] = "settlement_missing"


def strange_deposit(day: Day, number: int, trade: Trade) -> None:
    day.deposits.append((f"BK{number}", trade.fen))
    day.expected["bank", f"BK{number}"] = "cash_deposit_unmatched"


FAULTS: tuple[Fault, ...] = (
    lost_callback,
    wrong_amount,
    unknown_here,
    not_on_the_bill,
    near_midnight,
    other_clock,
    paid_twice,
    paid_twice_and_returned,
    paid_in_parts,
    refunded,
    refunded_in_part,
    paid_too_much_and_returned,
    refunded_at_the_second_try,
    refund_unfinished,
    refund_failed_there,
    refunded_outside,
    refund_not_on_the_bill,
    not_moved,
    moved_less,
    no_passage,
    opened_by_hand,
    opened_for_a_reason,
    followed,
    closed_unpaid,
    till_short,
    till_over,
    till_right,
    payout,
    payout_never_came,
    strange_deposit,
)


def seeded(count: int, seed: int, day: date = DAY, faults: int = 0) -> Day:
    """A day of so many payments, of which some are faults; the same for the same seed."""
    dice, made = random.Random(seed), Day(day)
    for number in range(count):
        channel = "alipay" if dice.random() < 0.3 else "wechat"
        trade = pay(made, number, channel, dice.randint(1, 80) * 50, 1_000 + dice.randint(0, 80_000))
        fault = dice.choice(FAULTS) if number < faults else plain
        fault(made, number, trade)
    return made
