"""The daily bills, written as the providers write them: from the providers' books, never from a merchant's."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from simulators.payments.books import CHINA, Books, Order, Refund, clock, fee_fen, yuan


def _names(text: str) -> list[str]:
    return text.split()


_ALL = _names(
    """交易时间 公众账号ID 商户号 特约商户号 设备号 微信订单号 商户订单号 用户标识 交易类型 交易状态 付款银行
    货币种类 应结订单金额 代金券金额 微信退款单号 商户退款单号 退款金额 充值券退款金额 退款类型 退款状态
    商品名称 商户数据包 手续费 费率 订单金额 申请退款金额 费率备注"""
)
_ALL_FOOT = _names("""总交易单数 应结订单总金额 退款总金额 充值券退款总金额 手续费总金额 订单总金额 申请退款总金额""")
_FUND = _names(
    """记账时间 微信支付业务单号 资金流水单号 业务名称 业务类型 收支类型 收支金额(元) 账户结余(元)
    资金变更提交申请人 备注 业务凭证号"""
)
_FUND_FOOT = _names("""资金流水总笔数 收入笔数 收入金额 支出笔数 支出金额""")
_ALIPAY = _names(
    """支付宝交易号 商户订单号 业务类型 商品名称 创建时间 完成时间 门店编号 门店名称 操作员 终端号 对方账户
    订单金额（元） 商家实收（元） 支付宝红包（元） 集分宝（元） 支付宝优惠（元） 商家优惠（元）
    券核销金额（元） 券名称 商家红包消费金额（元） 卡消费金额（元） 退款批次号/请求号 服务费（元）
    分润（元） 备注"""
)
_SUMMARY = _names(
    """门店编号 门店名称 交易订单总笔数 退款订单总笔数 订单金额（元） 商家实收（元） 支付宝优惠（元）
    商家优惠（元） 卡消费金额（元） 服务费（元） 分润（元） 实收净额（元）"""
)
_TYPES = {"code": "NATIVE", "page": "MWEB", "inside": "JSAPI"}
Row = dict[str, str]
Money = Order | Refund


def wechat_trade(books: Books, day: date, merchant: str, app: str) -> bytes | None:
    """The bill ALL of a day; None where there was no trade."""
    orders, refunds = books.paid_on("wechat", day), books.given_back_on("wechat", day)
    if not orders and not refunds:
        return None
    shared = {"公众账号ID": app, "商户号": merchant, "特约商户号": "0", "货币种类": "CNY", "费率": "0.60%"}
    rows = [{**shared, **_paid_row(one)} for one in orders] + [{**shared, **_back_row(one)} for one in refunds]
    units = sum(fee_fen(one.fen) for one in orders) - sum(fee_fen(one.fen) for one in refunds)
    paid, back = sum(one.fen for one in orders), sum(one.fen for one in refunds)
    foot = (str(len(rows)), yuan(paid), yuan(back), "0.00", _fine(units), yuan(paid), yuan(back))
    return _ticked(_ALL, rows, _ALL_FOOT, foot)


def _paid_row(order: Order) -> Row:
    row = {"交易时间": clock(order.paid_at), "微信订单号": order.provider_no, "商户订单号": order.number}
    row |= {"交易类型": _TYPES[order.way], "交易状态": "SUCCESS", "付款银行": "OTHERS", "用户标识": "o-simulated"}
    row |= {"应结订单金额": yuan(order.fen), "订单金额": yuan(order.fen), "代金券金额": "0.00"}
    row |= {"微信退款单号": "0", "商户退款单号": "0", "退款金额": "0.00", "充值券退款金额": "0.00"}
    return row | {"申请退款金额": "0.00", "商品名称": _free(order.subject), "手续费": _fine(fee_fen(order.fen))}


def _back_row(refund: Refund) -> Row:
    order = refund.order
    row = {"交易时间": clock(refund.done_at or refund.asked_at), "微信订单号": order.provider_no}
    row |= {"商户订单号": order.number, "交易类型": _TYPES[order.way], "交易状态": "REFUND", "付款银行": "OTHERS"}
    row |= {"应结订单金额": "0.00", "订单金额": "0.00", "代金券金额": "0.00", "充值券退款金额": "0.00"}
    row |= {"微信退款单号": refund.provider_no, "商户退款单号": refund.number, "退款类型": "ORIGINAL"}
    state = {"ABNORMAL": "FAIL"}.get(refund.state, refund.state)
    row |= {"退款金额": yuan(refund.fen), "申请退款金额": yuan(refund.fen), "退款状态": state}
    return row | {"商品名称": _free(order.subject), "手续费": _fine(-fee_fen(refund.fen))}


def wechat_fund(books: Books, day: date) -> bytes | None:
    """The fund bill of a day: the account's movements, fees by themselves, refunds without the fee that comes back."""
    moves = [move for one in books.paid_on("wechat", day) for move in _moves_in(one)]
    moves += [_move_out(one) for one in books.given_back_on("wechat", day) if one.state == "SUCCESS"]
    if not moves:
        return None
    balance, rows = 10_000_000, list[Row]()
    for count, (at, business, kind, fen, voucher) in enumerate(sorted(moves, key=lambda move: move[0])):
        balance += fen
        row = {"记账时间": clock(at), "微信支付业务单号": business, "资金流水单号": f"F{day:%Y%m%d}{count:08}"}
        row |= {"业务名称": kind, "业务类型": kind, "收支类型": "收入" if fen > 0 else "支出"}
        rows.append(
            {**row, "收支金额(元)": yuan(abs(fen)), "账户结余(元)": yuan(balance), "备注": "", "业务凭证号": voucher}
        )
    come, gone = [fen for *_, fen, _ in moves if fen > 0], [-fen for *_, fen, _ in moves if fen <= 0]
    sums = (str(len(rows)), str(len(come)), yuan(sum(come)), str(len(gone)), yuan(sum(gone)))
    return _ticked(_FUND, rows, _FUND_FOOT, sums)


Move = tuple[datetime, str, str, int, str]


def _moves_in(order: Order) -> list[Move]:
    at, fee = order.paid_at, fee_fen(order.fen)
    if at is None:
        return []
    taken: list[Move] = [(at, order.provider_no, "扣除交易手续费", -fee, order.number)] if fee else []
    return [(at, order.provider_no, "交易", order.fen, order.number), *taken]


def _move_out(refund: Refund) -> Move:
    at = refund.done_at or refund.asked_at
    return (at, refund.provider_no, "退款", fee_fen(refund.fen) - refund.fen, refund.number)


def _ticked(names: Sequence[str], rows: Iterable[Row], foot_names: Sequence[str], foot: Sequence[str]) -> bytes:
    lines = [",".join(names)]
    lines += ["`" + ",`".join(row.get(name, "") for name in names) for row in rows]
    lines += [",".join(foot_names), "`" + ",`".join(foot), ""]
    return b"\xef\xbb\xbf" + "\r\n".join(lines).encode()


def _free(text: str) -> str:
    """Free text: a comma is a backslash and a space there."""
    return text.replace(",", "\\ ").replace("\n", "\\n")


def _fine(fen: int) -> str:
    return f"{yuan(fen)}000"


def alipay_zip(books: Books, day: date, seller: str) -> bytes | None:
    """Detail and summary in a zip, names and texts in GBK, the names without the UTF-8 flag."""
    orders, refunds = books.paid_on("alipay", day), books.given_back_on("alipay", day)
    refunds = [one for one in refunds if one.state == "SUCCESS"]
    if not orders and not refunds:
        return None
    name = f"{seller}0156_{day:%Y%m%d}"
    members = {
        f"{name}_业务明细(汇总).csv": _summary(day, seller, orders, refunds),
        f"{name}_业务明细.csv": _detail(day, seller, orders, refunds),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for member, text in members.items():
            # zipfile writes names as cp437 or flagged UTF-8: bytes of GBK come through as the former.
            file.writestr(zipfile.ZipInfo(member.encode("gbk").decode("cp437")), text.encode("gbk", "replace"))
    return packed.getvalue()


def _head(day: date, seller: str, title: str) -> list[str]:
    first = datetime.combine(day, time(), CHINA)
    spans = [f"{at:%Y年%m月%d日} 00:00:00" for at in (first, first + timedelta(days=1))]
    span = f"#起始日期：[{spans[0]}]   终止日期：[{spans[1]}]"
    return [f"#支付宝{title}查询", f"#账号：[{seller}0156]", span, f"#{'-' * 30}{title}列表{'-' * 30}"]


def _detail(day: date, seller: str, orders: list[Order], refunds: list[Refund]) -> str:
    lines = [*_head(day, seller, "业务明细"), ",".join(_ALIPAY)]
    lines += [_alipay_row(one, one, one.fen, "") for one in orders]
    lines += [_alipay_row(one, one.order, -one.fen, one.number) for one in refunds]
    paid, back = sum(one.fen for one in orders), -sum(one.fen for one in refunds)
    lines.append(f"#{'-' * 30}业务明细列表结束{'-' * 30}")
    lines.append(f"#交易合计：{len(orders)}笔，商家实收共{yuan(paid)}元，商家优惠共0.00元")
    lines.append(f"#退款合计：{len(refunds)}笔，商家实收退款共{yuan(back)}元，商家优惠退款共0.00元")
    return "\r\n".join([*lines, f"#导出时间：[{day + timedelta(days=1):%Y年%m月%d日} 09:30:00]", ""])


def _alipay_row(money: Money, order: Order, fen: int, refund: str) -> str:
    at = money.paid_at if isinstance(money, Order) else (money.done_at or money.asked_at)
    row = dict.fromkeys(_ALIPAY, "") | {name: "0.00" for name in _ALIPAY if name.endswith("（元）")}
    row |= {"支付宝交易号": f"{order.provider_no}\t", "商户订单号": f"{order.number}\t", "商品名称": order.subject}
    row |= {"业务类型": "退款" if refund else "交易", "创建时间": clock(order.paid_at), "完成时间": clock(at)}
    row |= {"对方账户": "*测试(138****0000)\t", "订单金额（元）": yuan(fen), "商家实收（元）": yuan(fen)}
    fee = fee_fen(fen) if refund else -fee_fen(fen)
    row |= {"退款批次号/请求号": f"{refund}\t", "服务费（元）": yuan(fee)}
    return ",".join(row[name].replace(",", "，") for name in _ALIPAY)


def _summary(day: date, seller: str, orders: list[Order], refunds: list[Refund]) -> str:
    total = sum(one.fen for one in orders) - sum(one.fen for one in refunds)
    fee = sum(fee_fen(one.fen) for one in refunds) - sum(fee_fen(one.fen) for one in orders)
    sums = [str(len(orders)), str(len(refunds)), yuan(total), yuan(total), "0.00", "0.00", "0.00", yuan(fee), "0.00"]
    rows = [["", "", *sums, yuan(total + fee)], ["合计", "", *sums, yuan(total + fee)]]
    lines = [*_head(day, seller, "业务汇总"), ",".join(_SUMMARY), *(",".join(row) for row in rows)]
    end = f"#{'-' * 30}业务汇总列表结束{'-' * 30}"
    return "\r\n".join([*lines, end, f"#导出时间：[{day + timedelta(days=1):%Y年%m月%d日} 09:30:00]", ""])
