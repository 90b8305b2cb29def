"""The plug-in that comes with the house, and the example for others: posts a notice as JSON to an address.

For a telephone gateway, or for whatever an SMS provider's own program listens on.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from server.channels.calling import Caller, judge
from server.channels.channel import Channel, Notice, Receipt

_OPTIONS = {"url"}


class PostJson:
    """``to``, ``title``, ``words``, ``url``, ``severity``, ``key``; a repeat has the same Idempotency-Key."""

    def __init__(self, url: str, secret: str, timeout_s: float) -> None:
        self._url, self._secret, self._caller = url, secret, Caller(timeout_s)
        self.close = self._caller.close

    async def send(self, notice: Notice) -> Receipt:
        headers = {"Idempotency-Key": notice.key}
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        answer = await self._caller.post_json(self._url, msgspec.structs.asdict(notice), headers)
        judge(answer)
        return Receipt(str(answer.said().get("id", ""))[:100])


def make(options: Mapping[str, str], secret: str, timeout_s: float) -> Channel:
    """Raises ValueError."""
    if strange := sorted(set(options) - _OPTIONS):
        raise ValueError(f"post_json knows no option {strange[0]}")
    address = urlsplit(options.get("url", ""))
    if address.scheme != "https" and address.hostname != "127.0.0.1":
        raise ValueError("post_json: url: write https://HOST/PATH; only this machine itself goes without")
    return PostJson(options["url"], secret, timeout_s)
