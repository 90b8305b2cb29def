"""Callbacks to the merchant: signed as the providers sign them, sent again until they are taken, and their faults."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp

from simulators.payments.books import CHINA, Order, Refund, clock, yuan
from simulators.payments.faults import Fault, Faults
from simulators.payments.keys import PLATFORM_KEY_ID, Keys, Pair

# After how long each provider sends again what was not taken; the first of many.
RETRIES_S = {"wechat": (15.0, 15.0, 30.0, 180.0), "alipay": (240.0, 600.0, 600.0, 3_600.0)}
_ANSWER_S = 5.0
_OLD = timedelta(days=2)


@dataclass(frozen=True)
class Merchant:
    """Whom a simulator knows: one number at each provider."""

    wechat: str = "1900000001"
    wechat_app: str = "wx00000000000000ff"
    certificate_serial: str = "0011" * 10
    alipay: str = "2088000000000001"
    alipay_app: str = "2021000000000001"


@dataclass(frozen=True)
class Letter:
    """One callback, ready to be sent."""

    url: str
    headers: dict[str, str]
    body: bytes
    channel: str


@dataclass
class Sent:
    """What became of a callback's try."""

    number: str
    fault: str | None
    status: int
    answer: str


class Writer:
    """Writes callbacks; a fault makes one wrong in just one way."""

    def __init__(self, keys: Keys, merchant: Merchant, now: Callable[[], datetime]) -> None:
        self._keys, self._merchant, self._now, self._stranger = keys, merchant, now, Pair()

    def paid(self, order: Order, fault: Fault | None = None, identity: str = "") -> Letter:
        fen = order.fen + (100 if fault == "amount" else 0)
        if order.channel == "alipay":
            return self._alipay(order, fen, fault, identity)
        amount = {"total": fen, "payer_total": fen, "currency": "CNY", "payer_currency": "CNY"}
        said = {"mchid": self._wechat_merchant(fault), "appid": self._merchant.wechat_app}
        said |= {"out_trade_no": order.number, "transaction_id": order.provider_no, "trade_type": "NATIVE"}
        said |= {"trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS", "attach": ""}
        said |= {"success_time": _iso(order.paid_at), "payer": {"openid": "o-simulated"}, "amount": amount}
        return self._wechat(order.notify_url, "TRANSACTION.SUCCESS", "transaction", said, fault, identity)

    def given_back(self, refund: Refund) -> Letter:
        """WeChat Pay alone tells of each refund's end."""
        order = refund.order
        amount = {"total": order.fen, "refund": refund.fen, "payer_total": order.fen, "payer_refund": refund.fen}
        said: dict[str, Any] = {"mchid": self._merchant.wechat, "transaction_id": order.provider_no}
        said |= {"out_trade_no": order.number, "refund_id": refund.provider_no, "out_refund_no": refund.number}
        said |= {"refund_status": refund.state, "user_received_account": "支付用户零钱", "amount": amount}
        said |= {"success_time": _iso(refund.done_at)} if refund.done_at else {}
        event = f"REFUND.{refund.state}"
        return self._wechat(refund.notify_url or order.notify_url, event, "refund", said, None, "")

    def _wechat(
        self, url: str, event: str, about: str, said: dict[str, Any], fault: Fault | None, identity: str
    ) -> Letter:
        resource = self._keys.sealed(json.dumps(said, ensure_ascii=False).encode(), about)
        told = {"id": identity or secrets.token_hex(18), "create_time": _iso(self._now()), "event_type": event}
        told |= {"resource_type": "encrypt-resource", "summary": "支付成功"}
        body = json.dumps({**told, "resource": {**resource, "original_type": about}}, ensure_ascii=False).encode()
        at = self._now() - (_OLD if fault == "old" else timedelta())
        signer = self._stranger if fault == "forged" else self._keys.wechat_platform
        headers = wechat_signed(signer, body, at)
        return Letter(url, {**headers, "Content-Type": "application/json"}, body, "wechat")

    def _wechat_merchant(self, fault: Fault | None) -> str:
        return "1900009999" if fault == "merchant" else self._merchant.wechat

    def _alipay(self, order: Order, fen: int, fault: Fault | None, identity: str) -> Letter:
        at = self._now() - (_OLD if fault == "old" else timedelta())
        said = {"notify_time": clock(at), "notify_type": "trade_status_sync", "charset": "utf-8", "version": "1.0"}
        said |= {"notify_id": identity or secrets.token_hex(17), "app_id": self._merchant.alipay_app}
        said |= {"auth_app_id": self._merchant.alipay_app, "buyer_id": "2088000000009999", "subject": order.subject}
        said |= {"seller_id": "2088000000009998" if fault == "merchant" else self._merchant.alipay}
        said |= {"out_trade_no": order.number, "trade_no": order.provider_no, "trade_status": "TRADE_SUCCESS"}
        said |= {"total_amount": yuan(fen), "receipt_amount": yuan(fen), "gmt_payment": clock(order.paid_at)}
        signer = self._stranger if fault == "forged" else self._keys.alipay_platform
        text = "&".join(f"{name}={value}" for name, value in sorted(said.items()))
        signed = {**said, "sign_type": "RSA2", "sign": signer.sign(text.encode())}
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Letter(order.notify_url, headers, urlencode(signed).encode(), "alipay")


def wechat_signed(signer: Pair, body: bytes, at: datetime) -> dict[str, str]:
    """Headers by which WeChat Pay vouches for a body."""
    stamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    signature = signer.sign(b"%s\n%s\n%s\n" % (stamp.encode(), nonce.encode(), body))
    said = {"Timestamp": stamp, "Nonce": nonce, "Signature": signature, "Serial": PLATFORM_KEY_ID}
    said["Signature-Type"] = "WECHATPAY2-SHA256-RSA2048"
    return {f"Wechatpay-{name}": value for name, value in said.items()}


class Postman:
    """Sends callbacks, each with its fault, and again while they are not taken."""

    def __init__(self, writer: Writer, faults: Faults, retries_s: dict[str, tuple[float, ...]] | None = None) -> None:
        self._writer, self._faults, self._retries_s = writer, faults, retries_s or RETRIES_S
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent: list[Sent] = []

    def paid(self, order: Order) -> None:
        """Tell of a payment, with the next fault."""
        self._start(self._paid(order, self._faults.next()))

    def given_back(self, refund: Refund) -> None:
        if refund.order.channel == "wechat" and refund.state != "PROCESSING":
            self._start(self._until_taken(refund.number, lambda: self._writer.given_back(refund), None))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _paid(self, order: Order, fault: Fault | None) -> None:
        if fault == "lost":
            self.sent.append(Sent(order.number, fault, 0, ""))
            return
        if fault == "late":
            await asyncio.sleep(self._faults.late_s)
        identity = secrets.token_hex(17)

        def write() -> Letter:
            return self._writer.paid(order, fault, identity)

        copies = [self._send(order.number, write(), fault) for _ in range(3 if fault == "parallel" else 0)]
        await asyncio.gather(self._until_taken(order.number, write, fault), *copies)
        if fault == "doubled":
            await self._send(order.number, write(), fault)

    async def _until_taken(self, number: str, write: Callable[[], Letter], fault: Fault | None) -> None:
        letter = write()
        for pause_s in (*self._retries_s[letter.channel], None):
            if await self._send(number, letter, fault) or pause_s is None:
                return
            await asyncio.sleep(pause_s)
            letter = write()  # each try is signed anew

    async def _send(self, number: str, letter: Letter, fault: Fault | None) -> bool:
        """Whether it was taken: by the status at WeChat Pay, by the word at Alipay."""
        limit = aiohttp.ClientTimeout(total=_ANSWER_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(letter.url, data=letter.body, headers=letter.headers) as answer,
            ):
                status, text = answer.status, (await answer.text())[:500]
        except (aiohttp.ClientError, TimeoutError) as error:
            status, text = 0, type(error).__name__
        self.sent.append(Sent(number, fault, status, text))
        return status in (200, 204) if letter.channel == "wechat" else text.strip() == "success"


def _iso(at: datetime | None) -> str:
    return at.astimezone(CHINA).isoformat(timespec="seconds") if at else ""
