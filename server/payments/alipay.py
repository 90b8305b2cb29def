"""Alipay through ``python-alipay-sdk``, with what that library leaves to its caller.

Of its traps: ``verify`` takes ``sign_type`` out of what it is given and looks at neither app, seller nor amount; it
stamps requests by this machine's clock as it is set, where Alipay goes by China's; bills are for the caller to fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import msgspec
from alipay import AliPay  # pyright: ignore[reportMissingTypeStubs]
from alipay.exceptions import AliPayException, AliPayValidationError  # pyright: ignore[reportMissingTypeStubs]
from alipay.utils import AliPayConfig  # pyright: ignore[reportMissingTypeStubs]

from server.payments.merchants import Merchant
from server.payments.provider import (
    Asked,
    Back,
    BadNotice,
    Bill,
    Channel,
    NoBill,
    Notice,
    Placed,
    ProviderAway,
    ProviderRefused,
    Refunded,
    Trade,
    TradeState,
)
from server.payments.words import china_time, in_china, to_fen, to_yuan

# A notice that is not taken comes again for 25 hours, and nothing says that its time is written anew.
OLDEST = timedelta(hours=26)
_AHEAD = timedelta(minutes=5)
_MOST_BILL_BYTES = 128 * 1024 * 1024
_MOST_FIELDS = 60
_STATES: Mapping[str, TradeState] = {
    "WAIT_BUYER_PAY": "pending",
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "paid",
    "TRADE_CLOSED": "closed",  # not paid, or given back whole
}
_GONE = "ACQ.TRADE_NOT_EXIST"


class _Client(AliPay):  # pyright: ignore[reportUntypedBaseClass]
    """Requests bear China's time, wherever this machine is."""

    def build_body(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        said: dict[str, Any] = super().build_body(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        said["timestamp"] = in_china(datetime.now(UTC))
        return said


class _NoRedirect(HTTPRedirectHandler):
    """A bill lies where its address says, or nowhere."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Alipay:
    """One merchant at Alipay."""

    channel: Channel = "alipay"
    bill_kinds = ("trade",)

    def __init__(self, merchant: Merchant, private_key: str, platform_key: str, notify_url: str) -> None:
        self.merchant, self._app, self._timeout_s = merchant.merchant, merchant.app_id, merchant.timeout_s
        self._gateway = merchant.gateway
        self._client: Any = _Client(
            appid=merchant.app_id,
            app_notify_url=notify_url,
            app_private_key_string=private_key,
            alipay_public_key_string=platform_key,
            sign_type="RSA2",
            config=AliPayConfig(timeout=merchant.timeout_s),
        )
        if merchant.gateway:
            self._client._gateway = merchant.gateway

    def order(self, asked: Asked) -> Placed:
        said = {"subject": asked.subject[:128], "out_trade_no": asked.out_trade_no}
        said |= {"total_amount": to_yuan(asked.amount_fen), "time_expire": in_china(asked.expires_at)}
        if asked.way == "code":
            return Placed(str(self._ask(lambda: self._client.api_alipay_trade_precreate(**said))["qr_code"]))
        query = self._client.api_alipay_trade_wap_pay(**said, return_url=asked.back_url or None)
        return Placed(f"{self._client._gateway}?{query}")

    def query(self, out_trade_no: str) -> Trade:
        try:
            said = self._ask(lambda: self._client.api_alipay_trade_query(out_trade_no=out_trade_no))
        except ProviderRefused as error:
            if error.code == _GONE:  # also an order whose page nobody opened yet
                return Trade("unknown")
            raise
        if said.get("out_trade_no") != out_trade_no:
            raise ProviderRefused("another_order", f"asked for {out_trade_no}, and told of another one")
        state = _STATES.get(str(said.get("trade_status")), "unknown")
        paid_at = china_time(said["send_pay_date"]) if state == "paid" else None
        return Trade(state, to_fen(str(said["total_amount"])), str(said["trade_no"]), paid_at)

    def close(self, out_trade_no: str) -> None:
        try:
            self._ask(lambda: self._client.api_alipay_trade_close(out_trade_no=out_trade_no))
        except ProviderRefused as error:
            if error.code != _GONE:
                raise

    def refund(self, back: Back) -> Refunded:
        more = {"out_request_no": back.out_refund_no, "refund_reason": back.reason[:128]}
        amount, order = to_yuan(back.refund_fen), back.out_trade_no
        said = self._ask(lambda: self._client.api_alipay_trade_refund(amount, out_trade_no=order, **more))
        # fund_change "N" is said of a repeated request too: only the query tells whether it is through.
        if said.get("fund_change") != "Y":
            return self.query_refund(back.out_refund_no, order)
        return Refunded("success", str(said["trade_no"]), self._now(), back.refund_fen)

    def query_refund(self, out_refund_no: str, out_trade_no: str) -> Refunded:
        ask = self._client.api_alipay_trade_fastpay_refund_query
        try:
            said = self._ask(lambda: ask(out_refund_no, out_trade_no=out_trade_no))
        except ProviderRefused as error:
            if error.code == _GONE:
                return Refunded("unknown")
            raise
        if said.get("refund_status") != "REFUND_SUCCESS":
            return Refunded("processing" if said.get("refund_amount") else "unknown")
        return Refunded("success", str(said["trade_no"]), self._now(), to_fen(str(said["refund_amount"])))

    def callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        said = self._verified(body)
        self._check_ours(said, now)
        try:
            return self._notice(said)
        except (KeyError, ValueError) as error:
            raise BadNotice("unreadable", f"{type(error).__name__}: {error}") from error

    def _verified(self, body: bytes) -> dict[str, str]:
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS)
        except ValueError as error:
            raise BadNotice("unreadable", "no form") from error
        said = dict(pairs)
        if len(said) != len(pairs):
            raise BadNotice("unreadable", "a field is there twice")
        sign = said.pop("sign", "")
        try:
            is_right = bool(sign) and said.get("sign_type") == "RSA2" and self._client.verify(dict(said), sign)
        except Exception as error:
            raise BadNotice("signature", type(error).__name__) from error
        if not is_right:
            raise BadNotice("signature", "it does not fit Alipay's key")
        return said

    def _check_ours(self, said: Mapping[str, str], now: datetime) -> None:
        """What the library does not look at. Raises BadNotice."""
        if said.get("app_id") != self._app:
            raise BadNotice("app", f"it is about app {said.get('app_id')}")
        if said.get("seller_id") != self.merchant:
            raise BadNotice("merchant", f"it is about seller {said.get('seller_id')}")
        try:
            at = china_time(said["notify_time"])
        except (KeyError, ValueError) as error:
            raise BadNotice("old", "it does not say when it was sent") from error
        if not now - OLDEST <= at <= now + _AHEAD:
            raise BadNotice("old", f"it was sent at {said['notify_time']}")

    def _notice(self, said: Mapping[str, str]) -> Notice:
        state = _STATES.get(said.get("trade_status", ""), "unknown")
        amount, ids = to_fen(said["total_amount"]), (said["out_trade_no"], said["trade_no"])
        identity = said["notify_id"]
        if said.get("refund_fee") or said.get("gmt_refund"):
            done = china_time(said["gmt_refund"].partition(".")[0]) if said.get("gmt_refund") else self._now()
            refund = Refunded("success", said["trade_no"], done, to_fen(said.get("refund_fee", "0.00")))
            number = said.get("out_biz_no", "")
            return Notice(
                identity,
                "refund",
                "alipay",
                self.merchant,
                *ids,
                amount,
                done,
                out_refund_no=number,
                refund=refund,
            )
        if state not in ("paid", "closed"):
            raise BadNotice("event", f"it tells of an order that is {said.get('trade_status')}")
        at = china_time(said["gmt_payment" if state == "paid" else "notify_time"])
        return Notice(identity, "payment", "alipay", self.merchant, *ids, amount, at, state)

    def bill(self, day: date, kind: str) -> Bill:
        said = {"bill_type": "trade" if kind == "trade" else "signcustomer", "bill_date": day.isoformat()}
        method = "alipay.data.dataservice.bill.downloadurl.query"
        try:
            told = self._ask(lambda: self._client.server_api(method, said))
        except ProviderRefused as error:
            if "bill_not_exist" in error.code.lower():
                raise NoBill(str(error)) from error
            raise
        content = self._fetched(str(told["bill_download_url"]))
        return Bill(f"alipay-{self.merchant}-{kind}-{day}.csv.zip", content, "none")

    def _fetched(self, url: str) -> bytes:
        self._check_address(url)
        try:
            with build_opener(_NoRedirect()).open(url, timeout=self._timeout_s) as answer:
                content = answer.read(_MOST_BILL_BYTES + 1)
        except (OSError, URLError) as error:
            raise ProviderAway(f"the bill's address does not answer: {type(error).__name__}") from error
        if len(content) > _MOST_BILL_BYTES:
            raise ProviderRefused("too_large", "the bill is larger than any")
        return content

    def _check_address(self, url: str) -> None:
        split = urlsplit(url)
        if self._gateway and split.netloc == urlsplit(self._gateway).netloc:
            return
        if split.scheme not in ("http", "https") or not (split.hostname or "").endswith(".alipay.com"):
            raise ProviderRefused("address", f"a bill at {split.hostname} is none of Alipay's")

    def _ask(self, work: Callable[[], Any]) -> dict[str, Any]:
        try:
            said: Any = work()
        except AliPayValidationError as error:
            raise ProviderRefused("not_signed", "the answer does not bear Alipay's signature") from error
        except AliPayException as error:
            raise ProviderRefused("refused", str(error)[:200]) from error
        except OSError as error:  # URLError, time-outs: never with the address, which is signed
            raise ProviderAway(f"Alipay does not answer: {type(error).__name__}") from error
        except (ValueError, KeyError, TypeError, msgspec.DecodeError) as error:
            raise ProviderRefused("unreadable", type(error).__name__) from error
        code = str(said.get("code"))
        if code == "10000":
            return said
        sub_code = str(said.get("sub_code", code))
        if code == "20000" or "SYSTEM_ERROR" in sub_code:
            raise ProviderAway(f"Alipay says {sub_code}")
        raise ProviderRefused(sub_code, str(said.get("sub_msg", said.get("msg", ""))))

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)
