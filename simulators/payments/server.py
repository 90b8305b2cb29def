"""The simulator itself: both providers and the payer's phone on one port of loopback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

from simulators.payments.alipay import AlipayApi
from simulators.payments.books import Books, NotPossible, Order, clock, yuan
from simulators.payments.callbacks import Merchant, Postman, Writer
from simulators.payments.faults import FAULTS, Fault, Faults
from simulators.payments.keys import FILES, PLATFORM_KEY_ID, Keys
from simulators.payments.wechat import WeChatApi

_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>模拟支付</title></head><body>{}</body></html>"""


class Payments:
    """Listens from ``start`` to ``stop``. ``now`` is the providers' clock, which may run ahead."""

    def __init__(
        self,
        port: int = 0,
        *,
        faults: Faults | None = None,
        now: Callable[[], datetime] | None = None,
        retries_s: dict[str, tuple[float, ...]] | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.ahead = timedelta()
        self._clock = now or (lambda: datetime.now(UTC))
        self.keys, self.merchant, self.faults = keys or Keys(), Merchant(), faults or Faults()
        self.books = Books(self.now)
        self.writer = Writer(self.keys, self.merchant, self.now)
        self.postman = Postman(self.writer, self.faults, retries_s)
        self._port, self._runner = port, web.AppRunner(self._app(), access_log=None, shutdown_timeout=1)

    def now(self) -> datetime:
        return self._clock() + self.ahead

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.postman.stop()
        await self._runner.cleanup()

    def settings(self) -> list[dict[str, Any]]:
        """The merchants as server.toml names them, the files relative to the data folder."""
        one = self.merchant
        kinds = ("wechat_key", "wechat_platform", "api_v3", "alipay_key", "alipay_platform", "app_secret")
        names = dict(zip(kinds, FILES, strict=True))
        wechat = {"channel": "wechat", "merchant": one.wechat, "app_id": one.wechat_app, "gateway": self.url}
        wechat |= {"private_key_file": names["wechat_key"], "platform_key_file": names["wechat_platform"]}
        wechat |= {"certificate_serial": one.certificate_serial, "api_v3_key_file": names["api_v3"]}
        wechat |= {"platform_key_id": PLATFORM_KEY_ID, "app_secret_file": names["app_secret"]}
        alipay = {"channel": "alipay", "merchant": one.alipay, "app_id": one.alipay_app}
        alipay |= {"private_key_file": names["alipay_key"], "platform_key_file": names["alipay_platform"]}
        return [wechat, {**alipay, "gateway": f"{self.url}/gateway.do"}]

    def toml(self) -> str:
        """The same, as text for server.toml."""
        rows = (
            "\n".join(["[[payments]]", *(f'{key} = "{value}"' for key, value in one.items())])
            for one in self.settings()
        )
        return "\n\n".join(rows) + "\n"

    def write_keys(self, folder: Path) -> None:
        self.keys.write(folder)

    def pay(self, order: Order, at: datetime | None = None) -> None:
        """The payer pays, and the provider tells the merchant."""
        self.postman.paid(self.books.pay(order, at))

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=256 * 1024)
        WeChatApi(self.books, self.keys, self.merchant, self.postman).add_to(app)
        AlipayApi(self.books, self.keys, self.merchant, self.postman).add_to(app)
        app.router.add_get("/connect/oauth2/authorize", self._sign_in)
        app.router.add_get("/sns/oauth2/access_token", self._who)
        app.router.add_get("/", self._list)
        app.router.add_get("/phone/{token}", self._phone)
        app.router.add_post("/phone/{token}", self._pays)
        app.router.add_post("/sim/fault/{fault}", self._fault)
        app.router.add_post("/sim/refunds/{state:SUCCESS|PROCESSING|ABNORMAL}", self._refunds)
        app.router.add_post("/sim/settle", self._settle)
        app.router.add_post("/sim/ahead/{hours:\\d+}", self._go_ahead)
        app.router.add_get("/sim/books", self._show_books)
        return app

    async def _sign_in(self, request: web.Request) -> web.Response:
        """As inside WeChat: nobody is asked anything."""
        back = request.query["redirect_uri"]
        raise web.HTTPFound(f"{back}?code=a-code&state={request.query.get('state', '')}")

    async def _who(self, request: web.Request) -> web.Response:
        said = (request.query.get("appid"), request.query.get("secret"), request.query.get("code"))
        if said != (self.merchant.wechat_app, self.keys.app_secret, "a-code"):
            return web.json_response({"errcode": 40029, "errmsg": "invalid code"})
        return web.json_response({"openid": "o-simulated", "access_token": "t", "expires_in": 7200})

    async def _list(self, request: web.Request) -> web.Response:
        """Every order: a code that no camera scans is opened from here."""
        rows = "".join(
            f'<li><a href="/phone/{one.token}">{one.channel} {escape(one.number)} {yuan(one.fen)} {one.state}</a></li>'
            for one in self.books
        )
        return _html(f"<h1>订单</h1><ul>{rows}</ul>")

    async def _phone(self, request: web.Request) -> web.Response:
        order = self._found(request)
        what = f"<h1>{escape(order.subject)}</h1><p>{yuan(order.fen)} 元</p><p>{order.state} {clock(order.paid_at)}</p>"
        back = f'<p><a id="back" href="{escape(order.back_url)}">返回</a></p>' if order.back_url else ""
        pay = '<form method="post"><button id="pay">支付</button></form>' if order.state == "NOTPAY" else back
        return _html(what + pay)

    async def _pays(self, request: web.Request) -> web.Response:
        order = self._found(request)
        try:
            self.pay(order)
        except NotPossible as error:
            return _html(f"<p>{escape(error.code)}</p>")
        raise web.HTTPSeeOther(f"/phone/{order.token}")

    def _found(self, request: web.Request) -> Order:
        order = self.books.by_token(request.match_info["token"])
        if order is None:
            raise web.HTTPNotFound
        return order

    async def _fault(self, request: web.Request) -> web.Response:
        """The fault of the next callback; may be asked for several times."""
        named = request.match_info["fault"]
        found: Fault | None = next((one for one in FAULTS if one == named), None)
        if found is None:
            raise web.HTTPNotFound(text=f"there are {', '.join(FAULTS)}")
        self.faults.coming.append(found)
        return web.json_response({"coming": list(self.faults.coming)})

    async def _refunds(self, request: web.Request) -> web.Response:
        """What becomes of the next refunds."""
        self.books.refunds_stay = request.match_info["state"]
        return web.json_response({"refunds": self.books.refunds_stay})

    async def _settle(self, request: web.Request) -> web.Response:
        """Refunds that are being made are made."""
        open_ones = [one for one in self.books.refunds.values() if one.state == "PROCESSING"]
        for refund in open_ones:
            self.books.settle(refund, "SUCCESS")
            self.postman.given_back(refund)
        return web.json_response({"settled": len(open_ones)})

    async def _go_ahead(self, request: web.Request) -> web.Response:
        """The providers' clock runs ahead, so that yesterday's bill is there."""
        self.ahead = timedelta(hours=int(request.match_info["hours"]))
        return web.json_response({"now": self.now().isoformat()})

    async def _show_books(self, request: web.Request) -> web.Response:
        orders = [
            {"channel": one.channel, "number": one.number, "fen": one.fen, "state": one.state, "token": one.token}
            for one in self.books
        ]
        refunds = [
            {"channel": one.order.channel, "number": one.number, "fen": one.fen, "state": one.state}
            for one in self.books.refunds.values()
        ]
        sent = [vars(one) for one in self.postman.sent[-100:]]
        return web.json_response({"orders": orders, "refunds": refunds, "callbacks": sent})


def _html(text: str) -> web.Response:
    return web.Response(text=_PAGE.format(text), content_type="text/html")
