"""WeChat Pay v3 through ``wechatpayv3``, with what that library leaves to its caller: who, how much, when.

Of its traps: it takes any timestamp, fetches certificates for a serial that it does not know, raises where a header is
missing, and checks no hash of a bill. All of that is done here, before it or after it.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from wechatpayv3 import WeChatPay, WeChatPayType  # pyright: ignore[reportMissingTypeStubs]

from server.payments.merchants import Merchant
from server.payments.provider import (
    Asked,
    Back,
    BadNotice,
    Bill,
    Channel,
    NoBill,
    Notice,
    NotReady,
    Placed,
    ProviderAway,
    ProviderRefused,
    Refunded,
    RefundState,
    Trade,
    TradeState,
    Way,
)
from server.payments.words import CHINA

FRESH_S = 300  # a notice is signed anew at each try: one that is older is somebody's copy
_MOST_BILL_BYTES = 512 * 1024 * 1024
_HEADERS = ("timestamp", "nonce", "signature", "serial", "signature-type")
_TYPES: Mapping[Way, Any] = {"code": WeChatPayType.NATIVE, "page": WeChatPayType.H5, "inside": WeChatPayType.JSAPI}
_STATES: Mapping[str, TradeState] = {
    "SUCCESS": "paid",
    "REFUND": "paid",  # and given back since, in part or whole: the refund tells
    "NOTPAY": "pending",
    "USERPAYING": "pending",
    "PAYERROR": "pending",
    "CLOSED": "closed",
    "REVOKED": "closed",
}
_REFUNDS: Mapping[str, RefundState] = {
    "SUCCESS": "success",
    "PROCESSING": "processing",
    "CLOSED": "failed",
    "ABNORMAL": "failed",
}
_GONE = frozenset({"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS", "ORDERNOTEXIST"})


class Keys(msgspec.Struct, frozen=True):
    """What proves who speaks."""

    private_key: str
    platform_key: str
    api_v3_key: str


class WeChat:
    """One merchant at WeChat Pay."""

    channel: Channel = "wechat"
    bill_kinds = ("trade", "fund")

    def __init__(self, merchant: Merchant, keys: Keys, notify_url: str) -> None:
        self.merchant, self._app, self._serial = merchant.merchant, merchant.app_id, merchant.platform_key_id
        self._client: Any = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=merchant.merchant,
            private_key=keys.private_key,
            cert_serial_no=merchant.certificate_serial,
            appid=merchant.app_id,
            apiv3_key=keys.api_v3_key,
            notify_url=notify_url,
            timeout=(min(5.0, merchant.timeout_s), merchant.timeout_s),
            public_key=keys.platform_key,
            public_key_id=merchant.platform_key_id,
        )
        if merchant.gateway:
            self._client._core._gate_way = merchant.gateway.rstrip("/")

    def order(self, asked: Asked) -> Placed:
        said: dict[str, Any] = {"amount": {"total": asked.amount_fen, "currency": "CNY"}}
        said |= {"description": asked.subject[:100], "out_trade_no": asked.out_trade_no}
        said["time_expire"] = asked.expires_at.astimezone(CHINA).isoformat(timespec="seconds")
        if asked.way == "page":
            said["scene_info"] = {"payer_client_ip": asked.address, "h5_info": {"type": "Wap"}}
        if asked.way == "inside":
            said["payer"] = {"openid": asked.payer}
        answer = self._ask(lambda: self._client.pay(**said, pay_type=_TYPES[asked.way]))
        if asked.way == "inside":
            return Placed(call=self._call(str(answer["prepay_id"])))
        return Placed(str(answer["code_url" if asked.way == "code" else "h5_url"]))

    def _call(self, prepay_id: str) -> Mapping[str, str]:
        """What WeixinJSBridge takes as getBrandWCPayRequest."""
        at, nonce, package = str(int(datetime.now(UTC).timestamp())), secrets.token_hex(16), f"prepay_id={prepay_id}"
        sign = self._client.sign([self._app, at, nonce, package])
        said = {"appId": self._app, "timeStamp": at, "nonceStr": nonce, "package": package}
        return {**said, "signType": "RSA", "paySign": sign}

    def query(self, out_trade_no: str) -> Trade:
        try:
            answer = self._ask(lambda: self._client.query(out_trade_no=out_trade_no))
        except ProviderRefused as error:
            if error.code in _GONE:
                return Trade("unknown")
            raise
        self._check_ours(answer, out_trade_no)
        return _trade(answer)

    def _check_ours(self, answer: Mapping[str, Any], out_trade_no: str) -> None:
        said = (answer.get("mchid"), answer.get("appid"), answer.get("out_trade_no"))
        if said != (self.merchant, self._app, out_trade_no):
            raise ProviderRefused("another_order", f"asked for {out_trade_no}, and told of another one")

    def close(self, out_trade_no: str) -> None:
        try:
            self._ask(lambda: self._client.close(out_trade_no))
        except ProviderRefused as error:
            if error.code not in (*_GONE, "ORDER_CLOSED", "ORDERCLOSED"):
                raise

    def refund(self, back: Back) -> Refunded:
        amount = {"refund": back.refund_fen, "total": back.total_fen, "currency": "CNY"}
        said = {"out_trade_no": back.out_trade_no, "amount": amount, "reason": back.reason[:80]}
        return _refund(self._ask(lambda: self._client.refund(back.out_refund_no, **said)))

    def query_refund(self, out_refund_no: str, out_trade_no: str) -> Refunded:
        try:
            return _refund(self._ask(lambda: self._client.query_refund(out_refund_no)))
        except ProviderRefused as error:
            if error.code in _GONE:
                return Refunded("unknown")
            raise

    def callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        given = {name: headers.get(f"wechatpay-{name}", "") for name in _HEADERS}
        self._check_headers(given, now)
        try:
            said = self._client.callback({f"wechatpay-{name}": value for name, value in given.items()}, body)
        except Exception as error:
            raise BadNotice("unreadable", type(error).__name__) from error
        if not said:
            raise BadNotice("signature", "it does not fit the platform's key, or the content does not open with ours")
        try:
            return self._notice(said)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadNotice("unreadable", f"{type(error).__name__} in the content") from error

    def _check_headers(self, given: Mapping[str, str], now: datetime) -> None:
        if missing := [name for name, value in given.items() if not value]:
            raise BadNotice("headers", f"no Wechatpay-{missing[0].title()}")
        if given["signature-type"] != "WECHATPAY2-SHA256-RSA2048":
            raise BadNotice("headers", "another kind of signature")
        if given["serial"] != self._serial:
            raise BadNotice("serial", "signed with a key that is not the one we know: see platform_key_id")
        stamp = given["timestamp"]
        if not stamp.isdecimal() or abs(now.timestamp() - int(stamp[:12])) > FRESH_S:
            raise BadNotice("old", f"its timestamp is more than {FRESH_S} s from now")

    def _notice(self, said: Mapping[str, Any]) -> Notice:
        told: Mapping[str, Any] = said["resource"]
        kind = str(said["event_type"]).partition(".")[0]
        if told["mchid"] != self.merchant:
            raise BadNotice("merchant", f"it is about merchant {told['mchid']}")
        if kind == "REFUND":
            return self._refund_notice(str(said["id"]), told)
        if kind != "TRANSACTION" or told["trade_state"] not in _STATES:
            raise BadNotice("event", f"it tells of {said['event_type']}")
        if told["appid"] != self._app:
            raise BadNotice("app", f"it is about app {told['appid']}")
        if told["amount"].get("currency", "CNY") != "CNY":
            raise BadNotice("currency", f"it is paid in {told['amount']['currency']}")
        trade = _trade(told)
        if trade.paid_at is None:
            raise BadNotice("event", f"it tells of an order that is {told['trade_state']}")
        ids = (str(told["out_trade_no"]), trade.provider_no)
        return Notice(str(said["id"]), "payment", "wechat", self.merchant, *ids, trade.amount_fen, trade.paid_at)

    def _refund_notice(self, identity: str, told: Mapping[str, Any]) -> Notice:
        state = _REFUNDS.get(told["refund_status"], "unknown")
        done = _time(told["success_time"]) if told.get("success_time") else None
        refund = Refunded(state, str(told["refund_id"]), done, int(told["amount"]["refund"]))
        ids = (str(told["out_trade_no"]), str(told["transaction_id"]))
        at = done or datetime.now(UTC)
        return Notice(
            identity,
            "refund",
            "wechat",
            self.merchant,
            *ids,
            int(told["amount"]["total"]),
            at,
            out_refund_no=str(told["out_refund_no"]),
            refund=refund,
        )

    def bill(self, day: date, kind: str) -> Bill:
        ask = self._client.trade_bill if kind == "trade" else self._client.fundflow_bill
        try:
            told = self._ask(lambda: ask(day.isoformat()))
        except ProviderRefused as error:
            if error.code == "NO_STATEMENT_EXIST":
                raise NoBill(str(error)) from error
            if error.code == "STATEMENT_CREATING":
                raise NotReady(str(error)) from error
            raise
        # The address is asked for at once, at the provider's own host: path and query as given.
        split = urlsplit(str(told["download_url"]))
        packed = self._bytes(f"{split.path}?{split.query}")
        content = _unpacked(packed)
        checked = checked_by(str(told["hash_value"]), content, packed)
        return Bill(f"wechat-{self.merchant}-{kind}-{day}.csv", content, checked)

    def _bytes(self, path: str) -> bytes:
        code, content = self._call_out(lambda: self._client.download_bill(path))
        if code != 200:
            raise ProviderAway(f"the bill's address answered {code}")
        return content if isinstance(content, bytes) else str(content).encode()

    def _ask(self, work: Callable[[], tuple[int, Any]]) -> dict[str, Any]:
        code, text = self._call_out(work)
        said: Any = _decoded(text)
        if code in range(200, 300):
            return said
        if code >= 500 or code == 429:
            raise ProviderAway(f"WeChat Pay answered {code} {said.get('code', '')}")
        raise ProviderRefused(str(said.get("code", code)), str(said.get("message", "")))

    def _call_out(self, work: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        try:
            return work()
        except requests.RequestException as error:
            raise ProviderAway(f"WeChat Pay does not answer: {type(error).__name__}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderRefused("unreadable", type(error).__name__) from error
        except Exception as error:  # the library raises bare ones: an answer whose signature is not right
            raise ProviderRefused("not_signed", str(error)[:200]) from error


def checked_by(sha1: str, content: bytes, packed: bytes) -> Any:
    """Which of the two texts the hash is of: documents and samples differ, either is taken. Raises ProviderRefused."""
    for name, text in (("unpacked", content), ("packed", packed)):
        if secrets.compare_digest(hashlib.sha1(text, usedforsecurity=False).hexdigest(), sha1.lower()):
            return name
    raise ProviderRefused("hash", "the bill is not what its hash says: cut off, or changed on the way")


def _unpacked(packed: bytes) -> bytes:
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    try:
        opened = zlib.decompressobj(wbits=31)
        content = opened.decompress(packed, _MOST_BILL_BYTES)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ProviderRefused("unreadable", "the bill does not unpack") from error
    if not opened.eof:
        raise ProviderRefused("unreadable", "the bill is cut off, or larger than any")
    return content


def _decoded(text: Any) -> Any:
    try:
        return msgspec.json.decode(text) if text else {}
    except msgspec.DecodeError:
        return {}


def _trade(told: Mapping[str, Any]) -> Trade:
    state = _STATES.get(str(told["trade_state"]), "unknown")
    paid_at = _time(told["success_time"]) if state == "paid" else None
    return Trade(state, int(told.get("amount", {}).get("total", 0)), str(told.get("transaction_id", "")), paid_at)


def _refund(told: Mapping[str, Any]) -> Refunded:
    done = _time(told["success_time"]) if told.get("success_time") else None
    state = _REFUNDS.get(str(told.get("status")), "unknown")
    return Refunded(state, str(told.get("refund_id", "")), done, int(told["amount"]["refund"]))


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at > datetime.now(UTC) + timedelta(days=1):
        raise ValueError(f"{text} is no time of a payment")
    return at
