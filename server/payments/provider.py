"""What a payment provider does for us, and nothing of how: WeChat Pay and Alipay look alike from here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Literal, Protocol

import msgspec

Channel = Literal["wechat", "alipay"]
Way = Literal["code", "page", "inside"]  # a QR code, a page of a phone's browser, the provider's own browser
TradeState = Literal["pending", "paid", "closed", "unknown"]
RefundState = Literal["processing", "success", "failed", "unknown"]
CHANNELS: tuple[Channel, ...] = ("wechat", "alipay")


class ProviderAway(Exception):
    """The provider did not answer, or not in time: what was asked may have been done. Query."""


class ProviderRefused(Exception):
    """The provider said no; ``code`` is its own word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class NoBill(Exception):
    """There was no trade that day: nothing to wait for."""


class NotReady(Exception):
    """The bill is being made: ask again in half an hour."""


class BadNotice(Exception):
    """A notice that is refused whole; ``reason`` is one word for the list of refusals."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class Asked(msgspec.Struct, frozen=True):
    """What a payer is asked for. ``payer`` is who the provider says looks at our page inside its own browser."""

    out_trade_no: str
    amount_fen: int
    subject: str
    expires_at: datetime
    way: Way = "code"
    address: str = "127.0.0.1"
    payer: str = ""
    back_url: str = ""


class Placed(msgspec.Struct, frozen=True):
    """Where the payer goes. ``call``: what the provider's browser is asked to do, where it does it by itself."""

    url: str = ""
    call: Mapping[str, str] = {}


class Trade(msgspec.Struct, frozen=True):
    """An order as the provider has it."""

    state: TradeState
    amount_fen: int = 0
    provider_no: str = ""
    paid_at: datetime | None = None


class Back(msgspec.Struct, frozen=True):
    """A refund that is asked for: part of, or all of, what was paid."""

    out_refund_no: str
    out_trade_no: str
    refund_fen: int
    total_fen: int
    reason: str


class Refunded(msgspec.Struct, frozen=True):
    """A refund as the provider has it."""

    state: RefundState
    provider_no: str = ""
    done_at: datetime | None = None
    amount_fen: int = 0


class Notice(msgspec.Struct, frozen=True):
    """What a provider told, proved to be its word and about this merchant. Whether we asked for it, the desk knows."""

    id: str
    kind: Literal["payment", "refund"]
    channel: Channel
    merchant: str
    out_trade_no: str
    provider_no: str
    amount_fen: int  # of the order, also where it tells of a refund
    at: datetime
    state: TradeState = "paid"
    out_refund_no: str = ""
    refund: Refunded | None = None


class Bill(msgspec.Struct, frozen=True):
    """A bill's bytes, unpacked where it was gzip; ``checked``: against which text the hash was found right."""

    name: str
    content: bytes
    checked: Literal["unpacked", "packed", "none"]


class PaymentProvider(Protocol):
    """One merchant at one provider. Methods block: ``server/payments/calls.py`` runs them in threads.

    All raise ProviderAway or ProviderRefused; ``callback`` raises BadNotice, ``bill`` NoBill or NotReady too.
    """

    @property
    def channel(self) -> Channel: ...

    @property
    def merchant(self) -> str: ...

    @property
    def bill_kinds(self) -> Collection[str]: ...

    def order(self, asked: Asked) -> Placed: ...

    def query(self, out_trade_no: str) -> Trade: ...

    def close(self, out_trade_no: str) -> None: ...

    def refund(self, back: Back) -> Refunded: ...

    def query_refund(self, out_refund_no: str, out_trade_no: str) -> Refunded: ...

    def callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice: ...

    def bill(self, day: date, kind: str) -> Bill: ...
