"""Alipay's gateway as a merchant meets it: one address, everything in the query, RSA2 both ways."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from simulators.payments import bills
from simulators.payments.books import CHINA, Books, NotPossible, Order, clock, yuan
from simulators.payments.callbacks import Merchant, Postman
from simulators.payments.keys import Keys

_FRESH = timedelta(minutes=15)
_STATES = {"NOTPAY": "WAIT_BUYER_PAY", "SUCCESS": "TRADE_SUCCESS", "CLOSED": "TRADE_CLOSED"}
# Our books' words in Alipay's.
_CODES = {
    "ORDER_NOT_EXIST": "ACQ.TRADE_NOT_EXIST",
    "ORDERPAID": "ACQ.TRADE_HAS_SUCCESS",
    "OUT_TRADE_NO_USED": "ACQ.CONTEXT_INCONSISTENT",
    "TRADE_STATE_ERROR": "ACQ.TRADE_STATUS_ERROR",
    "NOT_ENOUGH": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    "STATEMENT_CREATING": "isp.bill_not_exist",
    "INVALID_REQUEST": "isv.invalid-arguments",
}


class AlipayApi:
    """The gateway."""

    def __init__(self, books: Books, keys: Keys, merchant: Merchant, postman: Postman) -> None:
        self._books, self._keys, self._merchant, self._postman = books, keys, merchant, postman
        self._files: dict[str, bytes] = {}
        self._works: dict[str, Callable[[web.Request, dict[str, Any]], dict[str, Any]]] = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._query_refund,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill,
        }

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/gateway.do", self.gateway)
        app.router.add_get("/downloadBillFile.resource", self.download)

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        method = request.query.get("method", "")
        try:
            said = self._checked(request)
            if method == "alipay.trade.wap.pay":
                order = self._place(request, said, "page")
                raise web.HTTPFound(f"/phone/{order.token}")
            if method not in self._works:
                raise NotPossible("isv.invalid-method")
            told = {"code": "10000", "msg": "Success", **self._works[method](request, said)}
        except NotPossible as error:
            code = _CODES.get(error.code, error.code)
            told = {"code": "40004", "msg": "Business Failed", "sub_code": code, "sub_msg": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            told = {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-arguments"}
            told["sub_msg"] = type(error).__name__
        return self._answer(method, told)

    def _answer(self, method: str, told: dict[str, Any]) -> web.Response:
        """The signature is over the very text that stands in the answer."""
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        sign = self._keys.alipay_platform.sign(text.encode())
        name = method.replace(".", "_") + "_response"
        return web.Response(text=f'{{"{name}":{text},"sign":"{sign}"}}', content_type="application/json")

    def _checked(self, request: web.Request) -> dict[str, Any]:
        said = dict(request.query)
        sign = said.pop("sign", "")
        text = "&".join(f"{name}={value}" for name, value in sorted(said.items()))
        if said.get("app_id") != self._merchant.alipay_app:
            raise NotPossible("isv.invalid-app-id", "无效的AppID参数")
        if said.get("sign_type") != "RSA2" or not self._keys.alipay_merchant.fits(text.encode(), sign):
            raise NotPossible("isv.invalid-signature", "无效签名")
        at = datetime.strptime(said["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
        if abs(datetime.now(CHINA) - at) > _FRESH:  # China's clocks, whatever the merchant's machine is set to
            raise NotPossible("isv.invalid-timestamp", "非法的时间戳参数")
        content: dict[str, Any] = json.loads(said.get("biz_content", "{}"))
        return {**content, "notify_url": said.get("notify_url", ""), "return_url": said.get("return_url", "")}

    def _place(self, request: web.Request, said: dict[str, Any], way: str) -> Order:
        fen = _fen(said["total_amount"])
        if fen < 1:
            raise NotPossible("ACQ.INVALID_PARAMETER", "金额不正确")
        until = self._books.now() + timedelta(hours=2)
        if said.get("time_expire"):
            until = datetime.strptime(said["time_expire"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
        numbers = (said["out_trade_no"], fen, said["subject"], said["notify_url"])
        made = Order("alipay", *numbers, until, way, secrets.token_urlsafe(9), back_url=said["return_url"])
        return self._books.place(made)

    def _precreate(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        order = self._place(request, said, "code")
        return {"out_trade_no": order.number, "qr_code": f"{request.url.origin()}/phone/{order.token}"}

    def _query(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        order = self._books.find("alipay", said["out_trade_no"])
        if order.state == "NOTPAY" and self._books.now() > order.expires_at:
            order.state = "CLOSED"
        told = {"out_trade_no": order.number, "trade_no": order.provider_no or f"42{order.token}"}
        told |= {"trade_status": _STATES[order.state], "total_amount": yuan(order.fen)}
        return told | ({"send_pay_date": clock(order.paid_at)} if order.paid_at else {})

    def _close(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        self._books.close("alipay", said["out_trade_no"])
        return {"out_trade_no": said["out_trade_no"]}

    def _refund(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        number, refund_no = said["out_trade_no"], said["out_request_no"]
        is_new = ("alipay", refund_no) not in self._books.refunds
        refund = self._books.give_back("alipay", number, refund_no, _fen(said["refund_amount"]))
        told = {"out_trade_no": number, "trade_no": refund.order.provider_no}
        told["refund_fee"] = yuan(self._books.given_back(refund.order))
        return {**told, "fund_change": "Y" if is_new and refund.state == "SUCCESS" else "N"}

    def _query_refund(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        refund = self._books.refunds.get(("alipay", said["out_request_no"]))
        if refund is None:
            return {}
        told = {"out_trade_no": refund.order.number, "trade_no": refund.order.provider_no}
        told |= {"out_request_no": refund.number, "refund_amount": yuan(refund.fen)}
        return told | ({"refund_status": "REFUND_SUCCESS"} if refund.state == "SUCCESS" else {})

    def _bill(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        day = date.fromisoformat(said["bill_date"])
        self._books.check_bill_day(day)
        made = bills.alipay_zip(self._books, day, self._merchant.alipay) if said["bill_type"] == "trade" else None
        if made is None:
            raise NotPossible("isp.bill_not_exist", "账单不存在")
        token = secrets.token_urlsafe(24)
        self._files[token] = made
        return {"bill_download_url": f"{request.url.origin()}/downloadBillFile.resource?token={token}"}

    async def download(self, request: web.Request) -> web.StreamResponse:
        made = self._files.pop(request.query.get("token", ""), None)
        if made is None:
            raise web.HTTPNotFound
        return web.Response(body=made, content_type="application/zip")


def _fen(text: Any) -> int:
    whole, _, part = str(text).partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0")[:2] or "0")
