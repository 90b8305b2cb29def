"""What bills hold, whichever provider they are of: trades, movements of the account, lines of the bank."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

import msgspec

from domain.reconciliation.stream import Digests

# The providers' clock, wherever the complex is. Their times are kept as they stand, without a zone: a city's bills
# have a million of them, and none is ever of another clock. Ours are turned into it before they are compared.
CHINA = timezone(timedelta(hours=8), "CST")
Channel = Literal["wechat", "alipay"]
Totals = dict[str, Any]


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A payment or a refund on a trade bill. Amounts of refunds are negative."""

    kind: Literal["payment", "refund"]
    order: str  # the merchant's order number
    trade_id: str  # the provider's
    refund: str  # the merchant's refund number; "" for a payment
    refund_id: str
    at: datetime
    order_fen: int  # what was asked for, before coupons
    settle_fen: int  # what the merchant gets, before the fee
    fee_units: int  # domain.reconciliation.money.FEE_UNITS in a fen; positive: taken
    state: str  # SUCCESS, PROCESSING, FAIL, CHANGE
    line: int

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What no two rows of one bill share."""
        return (self.kind, self.trade_id, self.refund, self.refund_id, self.state)

    @property
    def content(self) -> tuple[object, ...]:
        """All but where it stands: the same row in two files is the same."""
        return (*self.identity, self.order, self.at, self.order_fen, self.settle_fen, self.fee_units)


class Flow(msgspec.Struct, frozen=True, gc=False):
    """A movement on the account at the provider."""

    at: datetime
    business: str  # the provider's number of the trade, refund or payout it belongs to
    flow: str  # its own number
    kind: str  # 业务类型: 交易, 扣除交易手续费, 退款, 提现, …
    fen: int  # in positive, out negative
    balance_fen: int
    voucher: str  # the merchant's number of a payout
    line: int

    @property
    def content(self) -> tuple[object, ...]:
        return (self.at, self.business, self.flow, self.kind, self.fen, self.balance_fen, self.voucher)


class BankLine(msgspec.Struct, frozen=True, gc=False):
    """A line of a bank statement."""

    day: date
    number: str
    fen: int  # in positive, out negative
    words: str  # what it says of itself and of the other party
    line: int

    @property
    def content(self) -> tuple[object, ...]:
        return (self.day, self.number, self.fen, self.words)


class Income(msgspec.Struct, frozen=True, gc=False):
    """An order of a shed: what e-bikes paid for energy, which is the grid's, and for the service."""

    key: str
    day: date
    energy_fen: int
    service_fen: int
    drawn_wh: int
    line: int

    @property
    def fen(self) -> int:
        return self.energy_fen + self.service_fen

    @property
    def content(self) -> tuple[object, ...]:
        return (self.key, self.day, self.energy_fen, self.service_fen)


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read whole and found in order."""

    name: str
    digests: Digests
    totals: Totals = {}


class TradeBill(File, frozen=True, kw_only=True):
    """A trade bill. ``day`` is None where nothing in it says one: an empty bill."""

    channel: Channel
    day: date | None
    rows: list[Trade]
    merchants: tuple[str, ...] = ()  # whose it is


class FundBill(File, frozen=True, kw_only=True):
    """The movements of an account on a day."""

    channel: Channel
    day: date | None
    rows: list[Flow]


class Statement(File, frozen=True, kw_only=True):
    """A bank's statement, of any stretch of days."""

    rows: list[BankLine]


class IncomeBill(File, frozen=True, kw_only=True):
    """What a shed took on a day."""

    day: date | None
    rows: list[Income]
    channel: str = "ebike"


AnyFile = TradeBill | FundBill | Statement | IncomeBill


def china_time(text: str) -> datetime:
    """``2026-11-20 08:11:02`` by the providers' clock. Raises ValueError."""
    if len(text) != 19:
        raise ValueError(f"{text!r} is no time like 2026-11-20 08:11:02")
    return datetime.fromisoformat(text)
