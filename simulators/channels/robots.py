"""Robots of groups as their providers describe them: they check keys and signatures, and answer with their own codes.

developer.work.weixin.qq.com/document/path/91770 · open.dingtalk.com/document/orgapp/custom-robot-access ·
open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import msgspec
from aiohttp import web

from simulators.channels.faults import Faults, as_http
from simulators.channels.kept import Kept

KEY, TOKEN, SECRET = "wecom-key-0001", "robot-token-0001", "SECsimulated0001"  # pragma: allowlist secret
_HOUR_S = 3_600
_MOST_WECOM_BYTES = 2_048
_WECOM = {
    "limited": {"errcode": 45009, "errmsg": "api freq out of limit"},
    "blocked": {"errcode": 60020, "errmsg": "not allow to access from your ip"},
    "gone": {"errcode": 93000, "errmsg": "invalid webhook url"},
}
_DINGTALK = {
    "limited": {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
    "blocked": {"errcode": 310000, "errmsg": "keywords not in content"},
    "gone": {"errcode": 300001, "errmsg": "token is not exist"},
}
_FEISHU = {
    "limited": {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]"},
    "blocked": {"code": 19024, "msg": "Key Words Not Found"},
    "gone": {"code": 19001, "msg": "param invalid: incoming webhook access token invalid"},
}


class Robots:
    """All three, each at the path that it has at its provider."""

    def __init__(self, kept: Kept, faults: Faults, slow: Any) -> None:
        """``slow`` waits as long as a slow far end does."""
        self._kept, self._faults, self._slow = kept, faults, slow

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/cgi-bin/webhook/send", self._wecom)
        app.router.add_post("/robot/send", self._dingtalk)
        app.router.add_post("/open-apis/bot/v2/hook/{token}", self._feishu)

    async def _wecom(self, request: web.Request) -> web.Response:
        said = await self._said(request, _WECOM)
        if isinstance(said, web.Response):
            return said
        if request.query.get("key") != KEY:
            return self._refused("wecom key", {"errcode": 93000, "errmsg": "invalid webhook url"})
        text = said["text"]
        if len(text["content"].encode()) > _MOST_WECOM_BYTES:
            return self._refused("wecom length", {"errcode": 44004, "errmsg": "content too long"})
        return self._taken("wecom", text["content"], text.get("mentioned_mobile_list"), {"errcode": 0, "errmsg": "ok"})

    async def _dingtalk(self, request: web.Request) -> web.Response:
        said = await self._said(request, _DINGTALK)
        if isinstance(said, web.Response):
            return said
        query = request.query
        if query.get("access_token") != TOKEN:
            return self._refused("dingtalk token", {"errcode": 300001, "errmsg": "token is not exist"})
        at = query.get("timestamp", "0")
        signed = _signature(SECRET, f"{at}\n{SECRET}")
        if abs(time.time() - int(at) / 1_000) > _HOUR_S or not hmac.compare_digest(signed, query.get("sign", "")):
            return self._refused("dingtalk sign", {"errcode": 310000, "errmsg": "sign not match"})
        to = said.get("at", {}).get("atMobiles")
        return self._taken("dingtalk", said["text"]["content"], to, {"errcode": 0, "errmsg": "ok"})

    async def _feishu(self, request: web.Request) -> web.Response:
        said = await self._said(request, _FEISHU)
        if isinstance(said, web.Response):
            return said
        if request.match_info["token"] != TOKEN:
            return self._refused("feishu token", _FEISHU["gone"])
        at = str(said.get("timestamp", "0"))
        signed = _signature(f"{at}\n{SECRET}", "")
        if abs(time.time() - int(at)) > _HOUR_S or not hmac.compare_digest(signed, str(said.get("sign", ""))):
            words = "sign match fail or timestamp is not within one hour from current time"
            return self._refused("feishu sign", {"code": 19021, "msg": words})
        return self._taken("feishu", said["content"]["text"], None, {"code": 0, "msg": "success", "data": {}})

    async def _said(self, request: web.Request, own: dict[str, Any]) -> dict[str, Any] | web.Response:
        """The message, or the answer that a fault is."""
        said = msgspec.json.decode(await request.read(), type=dict[str, Any])
        fault = self._faults.next()
        if fault == "slow":
            await self._slow()
        if fault == "cut" and request.transport is not None:
            self._kept.take("cut", str(said))
            request.transport.abort()
        return as_http(fault, own) or said

    def _taken(self, by: str, text: str, to: list[str] | None, answer: dict[str, Any]) -> web.Response:
        self._kept.take(by, text, ",".join(to or []))
        return web.json_response(answer)

    def _refused(self, why: str, answer: dict[str, Any]) -> web.Response:
        self._kept.refused.append(why)
        return web.json_response(answer)


def _signature(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()
