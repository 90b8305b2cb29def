"""Robots of groups in WeCom, DingTalk and Feishu: how each wants a message, signed, and what its refusals mean.

Formats and codes: developer.work.weixin.qq.com/document/path/91770 (20 messages a minute, 2,048 bytes of text) ·
open.dingtalk.com/document/orgapp/custom-robot-access and …/custom-bot-security (20 a minute, else ten minutes of
silence) · open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (100 a minute, 5 a second, 20 kB).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from domain.delivery import Refusal
from server.channels.calling import Answer, Caller, judge, quoted
from server.channels.channel import Notice, NotSent, Receipt, cut
from server.channels.settings import DingTalk, Feishu, WeCom

Now = Callable[[], datetime]
_MOST_TEXT_BYTES = 2_000
_TEN_MINUTES, _A_MINUTE = timedelta(minutes=10), timedelta(minutes=1)
_WECOM: Mapping[int, Refusal] = {
    -1: "ill",
    45009: "rate_limited",
    45033: "rate_limited",
    93000: "bad_key",
    40001: "bad_key",
    60020: "blocked",
}
_DINGTALK: Mapping[int, Refusal] = {
    -1: "ill",
    130101: "rate_limited",
    410100: "rate_limited",
    300001: "bad_key",
    40014: "bad_key",
    310000: "blocked",  # by its security settings: words, addresses; a signature is told apart by what it says
    430101: "blocked",
    430102: "blocked",
    430103: "blocked",
    430104: "blocked",
}
_FEISHU: Mapping[int, Refusal] = {
    11232: "rate_limited",
    99991400: "rate_limited",
    19001: "bad_key",
    19021: "bad_key",
    19022: "blocked",
    19024: "blocked",
}


def _signed(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


class WeComRobot:
    """企业微信群机器人."""

    def __init__(self, settings: WeCom, key: str) -> None:
        self._url, self._key, self._caller = settings.gateway, key, Caller(settings.timeout_s)
        self.close = self._caller.close

    async def send(self, notice: Notice) -> Receipt:
        url = f"{self._url}/cgi-bin/webhook/send?key={quote(self._key, safe='')}"
        text: dict[str, Any] = {"content": cut(notice.text, _MOST_TEXT_BYTES)}
        if notice.to:
            text["mentioned_mobile_list"] = [notice.to]
        answer = await self._caller.post_json(url, {"msgtype": "text", "text": text})
        return _taken(answer, "errcode", "errmsg", _WECOM, (self._key,), _A_MINUTE)


class DingTalkRobot:
    """钉钉自定义机器人, 加签: the key signs the time in milliseconds and itself, in the address."""

    def __init__(self, settings: DingTalk, token: str, secret: str, now: Now) -> None:
        self._url, self._token, self._secret, self._now = settings.gateway, token, secret, now
        self._caller = Caller(settings.timeout_s)
        self.close = self._caller.close

    async def send(self, notice: Notice) -> Receipt:
        at = str(int(self._now().timestamp() * 1_000))
        sign = quote(_signed(self._secret, f"{at}\n{self._secret}"), safe="")
        url = f"{self._url}/robot/send?access_token={quote(self._token, safe='')}&timestamp={at}&sign={sign}"
        text = f"{notice.text}\n@{notice.to}" if notice.to else notice.text
        content: dict[str, Any] = {"msgtype": "text", "text": {"content": cut(text, _MOST_TEXT_BYTES)}}
        if notice.to:
            content["at"] = {"atMobiles": [notice.to], "isAtAll": False}
        answer = await self._caller.post_json(url, content)
        return _taken(answer, "errcode", "errmsg", _DINGTALK, (self._token, self._secret), _TEN_MINUTES)


class FeishuRobot:
    """飞书自定义机器人, 签名校验: time in seconds and key together are the key that signs nothing, in the body."""

    def __init__(self, settings: Feishu, token: str, secret: str, now: Now) -> None:
        self._url, self._token, self._secret, self._now = settings.gateway, token, secret, now
        self._caller = Caller(settings.timeout_s)
        self.close = self._caller.close

    async def send(self, notice: Notice) -> Receipt:
        at = str(int(self._now().timestamp()))
        url = f"{self._url}/open-apis/bot/v2/hook/{quote(self._token, safe='')}"
        content: dict[str, Any] = {"timestamp": at, "sign": _signed(f"{at}\n{self._secret}", "")}
        content |= {"msg_type": "text", "content": {"text": cut(notice.text, _MOST_TEXT_BYTES)}}
        answer = await self._caller.post_json(url, content)
        return _taken(answer, "code", "msg", _FEISHU, (self._token, self._secret), _A_MINUTE)


def _taken(
    answer: Answer,
    code_name: str,
    words_name: str,
    refusals: Mapping[int, Refusal],
    secrets: tuple[str, ...],
    pause: timedelta,
) -> Receipt:
    """Robots answer 200 with a code of their own; 0 is success. Raises NotSent."""
    said = answer.said()
    code = said.get(code_name)
    if code == 0 and 200 <= answer.status < 300:
        return Receipt()
    if not isinstance(code, int) or code == 0:
        judge(answer)
        raise NotSent("ill", "no code in the answer")
    words = quoted(said.get(words_name, ""), secrets)
    why = refusals.get(code, "refused")
    if code == 310000 and any(word in words for word in ("sign", "timestamp", "签名")):
        why = "bad_key"
    raise NotSent(why, f"{code} {words}", pause if why == "rate_limited" else None)
