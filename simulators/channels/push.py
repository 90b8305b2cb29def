"""A push service and the browsers behind it: checks who signs (RFC 8292), and reads what is in it (RFC 8291, 8188)."""

from __future__ import annotations

import base64
import os
import time
from typing import Any

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulators.channels.faults import Faults, as_http
from simulators.channels.kept import Kept

_CURVE = ec.SECP256R1()
_DAY_S = 86_400


class Refused(Exception):
    """A push that no service would take; says why."""


class Browser:
    """What a browser gives of itself, and what it reads."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.is_gone = endpoint, False
        self._key, self._auth = ec.generate_private_key(_CURVE), os.urandom(16)

    @property
    def subscription(self) -> dict[str, str]:
        return {
            "endpoint": self.endpoint,
            "p256dh": text_of(point_of(self._key.public_key())),
            "auth": text_of(self._auth),
        }

    def read(self, body: bytes) -> dict[str, Any]:
        """Raises Refused for what was not encrypted for this browser."""
        try:
            return msgspec.json.decode(opened(self._key, self._auth, body), type=dict[str, Any])
        except Exception as error:
            raise Refused(f"not for this browser: {type(error).__name__}") from error


class PushService:
    """``audience``: this service's own address, which a signature must be for."""

    def __init__(self, kept: Kept, faults: Faults, slow: Any) -> None:
        self._kept, self._faults, self._slow = kept, faults, slow
        self.audience = ""
        self.browsers: dict[str, Browser] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/push/{name}", self._push)

    def browser(self, name: str) -> Browser:
        """A new one."""
        self.browsers[name] = Browser(f"{self.audience}/push/{name}")
        return self.browsers[name]

    async def _push(self, request: web.Request) -> web.Response:
        body, fault = await request.read(), self._faults.next()
        if fault == "slow":
            await self._slow()
        if answer := as_http(fault, {}):
            return answer
        browser = self.browsers.get(request.match_info["name"])
        if browser is None or browser.is_gone:
            return web.Response(status=410)
        try:
            self._check(request)
            shown = browser.read(body)
        except Refused as error:
            self._kept.refused.append(f"push {error}")
            return web.Response(status=403 if "sign" in str(error) else 400)
        text = "\n".join((shown["title"], shown["body"], shown["url"]))
        self._kept.take("push", text, request.match_info["name"], request.headers.get("Topic", ""))
        return web.Response(status=201, headers={"Location": f"/message/{len(self._kept.messages)}"})

    def _check(self, request: web.Request) -> None:
        if request.headers.get("Content-Encoding") != "aes128gcm" or not request.headers.get("TTL", "").isdecimal():
            raise Refused("no encoding, or no TTL")
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        named = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme.lower() != "vapid" or not {"t", "k"} <= named.keys():
            raise Refused("not signed")
        claims = verified(named["t"], named["k"])
        if claims.get("aud") != self.audience or not 0 < claims.get("exp", 0) - time.time() < _DAY_S:
            raise Refused("signed for another service, or for too long")


def verified(token: str, key: str) -> dict[str, Any]:
    """The claims of a token that is signed by ES256. Raises Refused."""
    head, claims, signature = token.split(".")
    raw = bytes_of(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, bytes_of(key))
    signed = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        public.verify(signed, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Refused("signed by another key") from error
    return msgspec.json.decode(bytes_of(claims), type=dict[str, Any])


def opened(key: ec.EllipticCurvePrivateKey, auth: bytes, body: bytes) -> bytes:
    """One record of aes128gcm (RFC 8188, 2.1), by the keys that RFC 8291, 3.4 derives."""
    salt, size = body[:16], body[20]
    sender, sealed = body[21 : 21 + size], body[21 + size :]
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender)
    shared = key.exchange(ec.ECDH(), theirs)
    info = b"WebPush: info\0" + point_of(key.public_key()) + sender
    secret = _derived(shared, auth, info, 32)
    content_key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    plain = AESGCM(content_key).decrypt(nonce, sealed, None).rstrip(b"\0")
    if plain[-1:] != b"\2":
        raise Refused("no end of the last record")
    return plain[:-1]


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
