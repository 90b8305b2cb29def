"""A small OpenID Connect provider on loopback: it holds clients to PKCE, and lies where a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OKPKey

CLIENT, SECRET = "gatehouse", "a client's secret"


class Provider:
    """``lies`` replace claims; ``key`` may be another than the one that is published."""

    def __init__(self) -> None:
        self.issuer, self.user = "", "li"
        self.key = self.published = OKPKey.generate_key("Ed25519", {"kid": "k1"})
        self.lies: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_get("/.well-known/openid-configuration", self._configuration)
        made.router.add_get("/keys", self._keys)
        made.router.add_post("/token", self._token)
        return made

    def sign_in(self, url: str) -> str:
        """What the person's browser does there: where it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        split = urlsplit(asked["redirect_uri"])
        return f"{split.path}?{urlencode({'code': code, 'state': asked['state']})}"

    async def _configuration(self, _request: web.Request) -> web.Response:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        named = {name: f"{self.issuer}/{path}" for name, path in ends.items()}
        return web.json_response({"issuer": self.lies.get("issuer", self.issuer), **named})

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.published.as_dict(private=False)]})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)  # a code is good once
        authorization = base64.b64encode(f"{CLIENT}:{quote_plus(SECRET)}".encode()).decode()
        if asked is None or request.headers.get("Authorization") != f"Basic {authorization}":
            return web.json_response({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "17", "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "preferred_username": self.user, **self.lies}
        header = {"alg": "Ed25519", "kid": "k1"}
        return web.json_response({"id_token": jwt.encode(header, claims, self.key, algorithms=["Ed25519"])})


@asynccontextmanager
async def running() -> AsyncIterator[Provider]:
    provider = Provider()
    runner = web.AppRunner(provider.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    provider.issuer = f"http://127.0.0.1:{port}"
    yield provider
    await runner.cleanup()
