"""Who looks at our page inside WeChat: by the official account's silent sign-in, for the one order that needs it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import requests

from server.payments.provider import ProviderAway, ProviderRefused

_OPEN, _API = "https://open.weixin.qq.com", "https://api.weixin.qq.com"


class _Who(msgspec.Struct):
    openid: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class WeChatLogin:
    """Of one official account. ``gateway``: another address of both, the simulator's."""

    def __init__(self, app_id: str, secret: str, gateway: str, timeout_s: int) -> None:
        self._app, self._secret, self._timeout_s = app_id, secret, timeout_s
        self._open, self._api = (gateway or _OPEN).rstrip("/"), (gateway or _API).rstrip("/")

    def begin(self, back: str) -> str:
        """Where the browser goes, to come back with a code."""
        said = {"appid": self._app, "redirect_uri": back, "response_type": "code"}
        said |= {"scope": "snsapi_base", "state": "pay"}
        return f"{self._open}/connect/oauth2/authorize?{urlencode(said)}#wechat_redirect"

    def who(self, code: str) -> str:
        """The payer's openid for a code. Blocks. Raises ProviderAway, ProviderRefused."""
        said = {"appid": self._app, "secret": self._secret, "code": code, "grant_type": "authorization_code"}
        try:
            answer = requests.get(f"{self._api}/sns/oauth2/access_token", params=said, timeout=self._timeout_s)
            told: Any = answer.json()
        except (requests.RequestException, ValueError) as error:  # never with the address: the secret stands in it
            raise ProviderAway(f"WeChat's sign-in does not answer: {type(error).__name__}") from None
        try:
            return msgspec.convert(told, _Who).openid
        except msgspec.ValidationError as error:  # an errcode in its place
            raise ProviderRefused("no_openid", "WeChat says that the code is of no use") from error
