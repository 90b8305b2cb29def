"""Pushes to browsers: encrypted for the one browser, signed by our key, and only to push services that are known."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from py_vapid import Vapid02  # pyright: ignore[reportMissingTypeStubs]
from pywebpush import WebPusher  # pyright: ignore[reportMissingTypeStubs]

from server.channels.calling import Caller, judge
from server.channels.channel import Notice, NotSent, Receipt
from server.channels.settings import WebPush

_LIFE_S = {"critical": 600, "high": 3_600, "medium": 6 * 3_600, "low": 12 * 3_600}
_SIGNED_FOR = timedelta(hours=1)
_MOST_URL_SIGNS = 2_000


class Browser(msgspec.Struct, frozen=True):
    """Where one browser is pushed to, and the keys it gave for that."""

    endpoint: str
    p256dh: str
    auth: str


class BadBrowser(Exception):
    """What a browser gave cannot be pushed to; says what is wrong."""


class BrowserPush:
    """Where ``notice.to`` is one browser, as JSON. What is shown is read from the push; nobody is asked for it."""

    def __init__(self, settings: WebPush, pem: bytes, now: Callable[[], datetime]) -> None:
        """Raises ValueError for a key that cannot be used."""
        key = load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("not a key of the curve prime256v1")
        self._settings, self._now, self._caller = settings, now, Caller(settings.timeout_s)
        self._vapid: Any = Vapid02.from_pem(pem)  # pyright: ignore[reportUnknownMemberType]
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = base64.urlsafe_b64encode(point).rstrip(b"=").decode()  # what a browser subscribes with
        self.close = self._caller.close

    async def send(self, notice: Notice) -> Receipt:
        browser = msgspec.json.decode(notice.to, type=Browser)
        try:
            check(browser, self._settings.services)
            body, headers = await asyncio.to_thread(self._packed, browser, notice)
        except (BadBrowser, ValueError, TypeError) as error:
            raise NotSent("bad_address", type(error).__name__) from None
        answer = await self._caller.post(browser.endpoint, body, headers)
        judge(answer)
        return Receipt()

    def _packed(self, browser: Browser, notice: Notice) -> tuple[bytes, dict[str, str]]:
        shown = {"title": notice.title, "body": notice.words, "url": notice.url, "tag": notice.key}
        content = msgspec.json.encode({**shown, "urgent": notice.is_urgent})
        keys = {"endpoint": browser.endpoint, "keys": {"p256dh": browser.p256dh, "auth": browser.auth}}
        pusher: Any = WebPusher(keys)
        packed: Any = pusher.encode(content, content_encoding="aes128gcm")
        return bytes(packed["body"]), {**self._signature(browser.endpoint), **_headers(notice)}

    def _signature(self, endpoint: str) -> dict[str, str]:
        service = urlsplit(endpoint)
        until = int((self._now() + _SIGNED_FOR).timestamp())
        claims = {"aud": f"{service.scheme}://{service.netloc}", "exp": until, "sub": self._settings.contact}
        return dict(self._vapid.sign(claims))


def _headers(notice: Notice) -> dict[str, str]:
    """``Topic``: of pushes for the same thing that wait at the service only the last is kept (RFC 8030, 5.4)."""
    topic = base64.urlsafe_b64encode(hashlib.sha256(notice.key.encode()).digest()[:24]).decode()
    return {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(_LIFE_S[notice.severity]),
        "Urgency": "high" if notice.severity in ("critical", "high") else "normal",
        "Topic": topic,
    }


def check(browser: Browser, services: Sequence[str]) -> None:
    """Raises BadBrowser: we call only push services, whatever a browser names."""
    if len(browser.endpoint) > _MOST_URL_SIGNS or not browser.endpoint.isascii():
        raise BadBrowser("the endpoint is too long")
    try:
        address = urlsplit(browser.endpoint)
        host, port = address.hostname or "", address.port
    except ValueError as error:
        raise BadBrowser("the endpoint is no address") from error
    named = f"{host}:{port}" if port not in (None, 443) else host
    if address.username or not any(fnmatchcase(named, service) for service in services):
        raise BadBrowser(f"{named} is no push service that `services` names")
    if address.scheme != "https" and host != "127.0.0.1":
        raise BadBrowser("the endpoint is not https")
    if len(_decoded(browser.p256dh)) != 65 or len(_decoded(browser.auth)) != 16:
        raise BadBrowser("the keys are no keys")


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) < 200 else b""
    except ValueError:
        return b""
