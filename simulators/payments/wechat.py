"""WeChat Pay v3 as a merchant meets it: requests signed by its key, answers signed by ours."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from simulators.payments import bills
from simulators.payments.books import CHINA, Books, NotPossible, Order, Refund
from simulators.payments.callbacks import Merchant, Postman, wechat_signed
from simulators.payments.keys import Keys

_FIELDS = re.compile(r'(\w+)="([^"]*)"')
_FRESH_S = 300
_STATUS = {
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "SIGN_ERROR": 401,
    "NOT_ENOUGH": 403,
    "STATEMENT_CREATING": 400,
}
_WAYS = {"native": "code", "h5": "page", "jsapi": "inside"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WeChatApi:
    """The routes below /v3."""

    def __init__(self, books: Books, keys: Keys, merchant: Merchant, postman: Postman) -> None:
        self._books, self._keys, self._merchant, self._postman = books, keys, merchant, postman
        self._files: dict[str, bytes] = {}

    def add_to(self, app: web.Application) -> None:
        orders = "/v3/pay/transactions"
        numbered = f"{orders}/out-trade-no/{{number}}"
        refunds = "/v3/refund/domestic/refunds"
        app.router.add_post(f"{orders}/{{way:native|h5|jsapi}}", self._signed(self.order))
        app.router.add_get(numbered, self._signed(self.query))
        app.router.add_post(f"{numbered}/close", self._signed(self.close))
        app.router.add_post(refunds, self._signed(self.refund))
        app.router.add_get(f"{refunds}/{{number}}", self._signed(self.query_refund))
        app.router.add_get("/v3/bill/tradebill", self._signed(self.bill))
        app.router.add_get("/v3/bill/fundflowbill", self._signed(self.bill))
        app.router.add_get("/v3/billdownload/file", self.download)

    def _signed(self, work: Callable[[web.Request, dict[str, Any]], dict[str, Any] | None]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            raw = await request.read()
            try:
                self._check(request, raw)
                said = work(request, json.loads(raw) if raw else {})
                status = 200 if said is not None else 204
            except NotPossible as error:
                said, status = {"code": error.code, "message": str(error)}, _STATUS.get(error.code, 400)
            except (KeyError, TypeError, ValueError) as error:
                said, status = {"code": "PARAM_ERROR", "message": repr(error)}, 400
            return self._answer(said, status)

        return handle

    def _answer(self, said: dict[str, Any] | None, status: int) -> web.Response:
        body = b"" if said is None else json.dumps(said, ensure_ascii=False).encode()
        headers = wechat_signed(self._keys.wechat_platform, body, self._books.now())
        if body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return web.Response(body=body, status=status, headers=headers)

    def _check(self, request: web.Request, body: bytes) -> None:
        """By the merchant's key, of now, over method, path, query and body."""
        kind, _, rest = request.headers.get("Authorization", "").partition(" ")
        said = dict(_FIELDS.findall(rest))
        stamp = said.get("timestamp", "0")
        lines = (request.method, request.raw_path, stamp, said.get("nonce_str", ""), body.decode())
        signed = "".join(f"{line}\n" for line in lines).encode()
        is_ours = said.get("mchid") == self._merchant.wechat
        is_known = said.get("serial_no") == self._merchant.certificate_serial
        fits = self._keys.wechat_merchant.fits(signed, said.get("signature", ""))
        if kind != "WECHATPAY2-SHA256-RSA2048" or not (is_ours and is_known and fits):
            raise NotPossible("SIGN_ERROR", "签名错误")
        if abs(datetime.now(CHINA).timestamp() - int(stamp)) > _FRESH_S:  # by the clock on the wall: the client's is so
            raise NotPossible("SIGN_ERROR", "Http头Authorization值中的timestamp与发起请求的时间不得超过5分钟")

    def order(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        if (said["mchid"], said["appid"]) != (self._merchant.wechat, self._merchant.wechat_app):
            raise NotPossible("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        amount, way = said["amount"], request.match_info["way"]
        if type(amount["total"]) is not int or amount["total"] < 1 or amount.get("currency", "CNY") != "CNY":
            raise NotPossible("PARAM_ERROR", "订单金额不正确")
        if not re.fullmatch(r"[0-9A-Za-z_\-|*]{6,32}", said["out_trade_no"]):
            raise NotPossible("PARAM_ERROR", "商户订单号不正确")
        if way == "h5" and not (said["scene_info"]["payer_client_ip"] and said["scene_info"]["h5_info"]["type"]):
            raise NotPossible("PARAM_ERROR", "缺少场景信息")
        if way == "jsapi" and not said["payer"]["openid"]:
            raise NotPossible("PARAM_ERROR", "缺少openid")
        expires = said.get("time_expire")
        until = datetime.fromisoformat(expires) if expires else self._books.now() + timedelta(hours=2)
        numbers = (said["out_trade_no"], amount["total"], said["description"], said["notify_url"])
        made = Order("wechat", *numbers, until, _WAYS[way], secrets.token_urlsafe(9))
        order = self._books.place(made)
        if way == "native":
            return {"code_url": f"weixin://wxpay/bizpayurl?pr={order.token}"}
        if way == "jsapi":
            return {"prepay_id": order.token}
        return {"h5_url": f"{request.url.origin()}/phone/{order.token}"}

    def query(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        if request.query.get("mchid") != self._merchant.wechat:
            raise NotPossible("MCH_NOT_EXISTS")
        order = self._books.find("wechat", request.match_info["number"])
        if order.state == "NOTPAY" and self._books.now() > order.expires_at:
            order.state = "CLOSED"
        state = "REFUND" if order.state == "SUCCESS" and self._books.given_back(order) else order.state
        told: dict[str, Any] = {"mchid": self._merchant.wechat, "appid": self._merchant.wechat_app}
        told |= {"out_trade_no": order.number, "trade_state": state, "trade_state_desc": state}
        told["amount"] = {"total": order.fen, "currency": "CNY"}
        if order.paid_at:
            told |= {"transaction_id": order.provider_no, "success_time": _iso(order.paid_at)}
        return told

    def close(self, request: web.Request, said: dict[str, Any]) -> None:
        self._books.close("wechat", request.match_info["number"])

    def refund(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        order = self._books.find("wechat", said["out_trade_no"])
        if said["amount"]["total"] != order.fen:
            raise NotPossible("PARAM_ERROR", "订单金额不一致")
        numbers = (said["out_refund_no"], said["amount"]["refund"], said.get("notify_url", ""))
        refund = self._books.give_back("wechat", order.number, *numbers)
        self._postman.given_back(refund)
        # The answer to the request is PROCESSING for most: the query and the callback tell the end.
        return {**_refund(refund), "status": "PROCESSING"}

    def query_refund(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        refund = self._books.refunds.get(("wechat", request.match_info["number"]))
        if refund is None:
            raise NotPossible("RESOURCE_NOT_EXISTS", "退款单不存在")
        return _refund(refund)

    def bill(self, request: web.Request, said: dict[str, Any]) -> dict[str, Any]:
        day = date.fromisoformat(request.query["bill_date"])
        self._books.check_bill_day(day)
        if request.path.endswith("tradebill"):
            made = bills.wechat_trade(self._books, day, self._merchant.wechat, self._merchant.wechat_app)
        else:
            made = bills.wechat_fund(self._books, day)
        if made is None:
            raise NotPossible("NO_STATEMENT_EXIST", "账单文件不存在")
        token = secrets.token_urlsafe(24)
        is_packed = request.query.get("tar_type") == "GZIP"
        self._files[token] = gzip.compress(made, mtime=0) if is_packed else made
        digest = hashlib.sha1(made, usedforsecurity=False).hexdigest()
        address = f"{request.url.origin()}/v3/billdownload/file?token={token}"
        return {"hash_type": "SHA1", "hash_value": digest, "download_url": address}

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The answer is not signed; the request is."""
        try:
            self._check(request, b"")
        except NotPossible as error:
            return self._answer({"code": error.code, "message": str(error)}, 401)
        made = self._files.pop(request.query.get("token", ""), None)
        if made is None:
            return self._answer({"code": "NO_STATEMENT_EXIST", "message": "账单文件不存在"}, 404)
        return web.Response(body=made, content_type="application/octet-stream")


def _refund(refund: Refund) -> dict[str, Any]:
    told: dict[str, Any] = {"refund_id": refund.provider_no, "out_refund_no": refund.number, "status": refund.state}
    told |= {"out_trade_no": refund.order.number, "transaction_id": refund.order.provider_no}
    told |= {"create_time": _iso(refund.asked_at), "channel": "ORIGINAL"}
    told["amount"] = {"total": refund.order.fen, "refund": refund.fen, "currency": "CNY"}
    return told | ({"success_time": _iso(refund.done_at)} if refund.done_at else {})


def _iso(at: datetime) -> str:
    return at.astimezone(CHINA).isoformat(timespec="seconds")
