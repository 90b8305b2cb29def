"""The providers' own books: orders and refunds as they have them, whatever a merchant believes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")
Channel = Literal["wechat", "alipay"]
FEE_PER_10_000 = 60  # 0.60 %
BILLS_FROM_HOUR = 10


class NotPossible(Exception):
    """What was asked cannot be; ``code`` is the provider's word."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code


@dataclass
class Order:
    """What a merchant asked for."""

    channel: Channel
    number: str  # the merchant's
    fen: int
    subject: str
    notify_url: str
    expires_at: datetime
    way: str
    token: str  # in the address of the page that pays
    state: str = "NOTPAY"  # NOTPAY | SUCCESS | CLOSED
    provider_no: str = ""
    paid_at: datetime | None = None
    back_url: str = ""


@dataclass
class Refund:
    """Part of an order that goes back."""

    order: Order
    number: str
    fen: int
    provider_no: str
    asked_at: datetime
    state: str = "PROCESSING"  # PROCESSING | SUCCESS | ABNORMAL
    done_at: datetime | None = None
    notify_url: str = ""


@dataclass
class Books:
    """Both providers' books of one merchant each. Times are given by ``now``."""

    now: Callable[[], datetime]
    orders: dict[tuple[str, str], Order] = field(default_factory=dict[tuple[str, str], Order])
    refunds: dict[tuple[str, str], Refund] = field(default_factory=dict[tuple[str, str], Refund])
    refunds_stay: str = "SUCCESS"  # what becomes of the next refunds: SUCCESS, PROCESSING or ABNORMAL
    _count: int = 0

    def place(self, order: Order) -> Order:
        """The same order again is the one that is there; another under its number is refused."""
        known = self.orders.get((order.channel, order.number))
        if known is None:
            self.orders[order.channel, order.number] = order
            return order
        if known.state == "SUCCESS":
            raise NotPossible("ORDERPAID", "该订单已支付")
        if known.state == "CLOSED" or (known.fen, known.way, known.subject) != (order.fen, order.way, order.subject):
            raise NotPossible("OUT_TRADE_NO_USED", "商户订单号重复")
        return known

    def find(self, channel: str, number: str) -> Order:
        found = self.orders.get((channel, number))
        if found is None:
            raise NotPossible("ORDER_NOT_EXIST", "订单不存在")
        return found

    def by_token(self, token: str) -> Order | None:
        return next((one for one in self.orders.values() if one.token == token), None)

    def pay(self, order: Order, at: datetime | None = None) -> Order:
        """The payer pays."""
        now = at or self.now()
        if order.state != "NOTPAY":
            raise NotPossible("ORDER_CLOSED" if order.state == "CLOSED" else "ORDERPAID")
        if now > order.expires_at:
            order.state = "CLOSED"
            raise NotPossible("ORDER_CLOSED", "订单已过期")
        order.state, order.paid_at, order.provider_no = "SUCCESS", now, self._number(now)
        return order

    def close(self, channel: str, number: str) -> None:
        order = self.find(channel, number)
        if order.state == "SUCCESS":
            raise NotPossible("ORDERPAID", "该订单已支付")
        order.state = "CLOSED"

    def give_back(self, channel: str, number: str, refund_no: str, fen: int, notify_url: str = "") -> Refund:
        """The same refund number is the same refund."""
        order = self.find(channel, number)
        known = self.refunds.get((channel, refund_no))
        if known is not None:
            if (known.order is not order) or known.fen != fen:
                raise NotPossible("PARAM_ERROR", "退款单号重复")
            return known
        if order.state != "SUCCESS":
            raise NotPossible("TRADE_STATE_ERROR", "订单未支付")
        if fen <= 0 or fen > order.fen - self.given_back(order):
            raise NotPossible("NOT_ENOUGH", "退款金额超过可退金额")
        made = Refund(order, refund_no, fen, "5" + self._number(self.now()), self.now(), notify_url=notify_url)
        self.refunds[channel, refund_no] = made
        self.settle(made, self.refunds_stay)
        return made

    def settle(self, refund: Refund, state: str) -> None:
        refund.state = state
        refund.done_at = self.now() if state == "SUCCESS" else None

    def given_back(self, order: Order) -> int:
        of = (one for one in self.refunds.values() if one.order is order and one.state != "ABNORMAL")
        return sum(one.fen for one in of)

    def paid_on(self, channel: str, day: date) -> list[Order]:
        of_channel = (one for one in self.orders.values() if one.channel == channel and one.paid_at)
        return sorted((one for one in of_channel if _day(one.paid_at) == day), key=lambda one: one.provider_no)

    def given_back_on(self, channel: str, day: date) -> list[Refund]:
        of_channel = (one for one in self.refunds.values() if one.order.channel == channel)
        return [one for one in of_channel if _day(one.done_at or one.asked_at) == day]

    def check_bill_day(self, day: date) -> None:
        """A bill is there from ten on the next day, for three months, and never for today."""
        local = self.now().astimezone(CHINA)
        if day >= local.date() or day < local.date() - timedelta(days=92):
            raise NotPossible("INVALID_REQUEST", "账单日期不正确")
        if day == local.date() - timedelta(days=1) and local.hour < BILLS_FROM_HOUR:
            raise NotPossible("STATEMENT_CREATING", "账单生成中")

    def _number(self, at: datetime) -> str:
        self._count += 1
        return f"42{at.astimezone(CHINA):%Y%m%d%H%M%S}{self._count:012}"

    def __iter__(self) -> Iterator[Order]:
        return iter(self.orders.values())


def fee_fen(fen: int) -> int:
    """The channel's fee, half up to a fen."""
    return (abs(fen) * FEE_PER_10_000 + 5_000) // 10_000


def _day(at: datetime | None) -> date | None:
    return at.astimezone(CHINA).date() if at else None


def yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02}"


def clock(at: datetime | None) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}" if at else ""
