"""Signing in by an OpenID Connect provider: code flow with PKCE, state and nonce (OIDC Core 1.0, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from server.config import BadConfig, Oidc

_ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"]
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_MOST_BYTES = 256 * 1024
_KEPT_FOR = timedelta(hours=1)
_LEEWAY_S = 60


class NotSignedInThere(Exception):
    """The provider did not say who it is, or not in a way to be believed; the message says what was wrong."""


class _Found(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class Attempt(msgspec.Struct, frozen=True):
    """One signing-in: everything follows from a secret in the browser's cookie, and nothing is kept here."""

    secret: str

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        return _base64(hashlib.sha256(self.verifier.encode()).digest())

    def _derived(self, what: str) -> str:
        return _base64(hashlib.sha256(f"{what} {self.secret}".encode()).digest())


def new_attempt() -> Attempt:
    return Attempt(secrets.token_urlsafe(32))


class Provider:
    """A provider: what it says of itself and its keys are asked for now and then."""

    def __init__(self, settings: Oidc, secret: str, now: Callable[[], datetime]) -> None:
        self.settings, self._secret, self._now = settings, secret, now
        self._kept: tuple[_Found, KeySet, datetime] | None = None

    async def way_there(self, attempt: Attempt, back: str) -> str:
        """Where the browser goes to sign in. Raises NotSignedInThere."""
        found, _ = await self._known()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": "openid profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(found.authorization_endpoint).query else "?"
        return f"{found.authorization_endpoint}{mark}{urlencode(asked)}"

    async def who(self, attempt: Attempt, code: str, state: str, back: str) -> str:
        """What the claim that names accounts says, of a code that came back. Raises NotSignedInThere."""
        if not secrets.compare_digest(state.encode(), attempt.state.encode()):
            raise NotSignedInThere("the answer is not to what this browser asked")
        found, keys = await self._known()
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        sent = body | {"code_verifier": attempt.verifier, "client_id": self.settings.client_id}
        tokens = _decoded(await self._fetch(found.token_endpoint, sent), _Tokens)
        claims = self._claims(tokens.id_token, keys, attempt.nonce)
        named = claims.get(self.settings.claim)
        if not isinstance(named, str) or not named:
            raise NotSignedInThere(f"the provider says no {self.settings.claim!r}")
        return named

    def _claims(self, token: str, keys: KeySet, nonce: str) -> Mapping[str, Any]:
        """What a token says, once all of it holds."""
        now = int(self._now().timestamp())
        wanted = JWTClaimsRegistry(
            now=now,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
            wanted.validate(claims)
        except (JoseError, ValueError) as error:
            raise NotSignedInThere(f"the provider's token does not hold: {error}") from error
        audience = claims["aud"]
        others = [audience] if isinstance(audience, str) else list(audience)
        if len(others) > 1 and claims.get("azp") != self.settings.client_id:
            raise NotSignedInThere("the provider's token is for another client too")
        return claims

    async def _known(self) -> tuple[_Found, KeySet]:
        now = self._now()
        if self._kept is None or now > self._kept[2]:
            place = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _decoded(await self._fetch(place), _Found)
            if found.issuer != self.settings.issuer:
                raise NotSignedInThere(f"{place} is of {found.issuer!r}, not of the issuer in server.toml")
            for end in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                check_url(end)
            self._kept = (found, _keys(await self._fetch(found.jwks_uri)), now + _KEPT_FOR)
        return self._kept[:2]

    def _authorization(self) -> dict[str, str]:
        """Our name and secret, each quoted as RFC 6749 2.3.1 wants it."""
        pair = ":".join(quote_plus(part) for part in (self.settings.client_id, self._secret))
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def _fetch(self, url: str, form: Mapping[str, str] | None = None) -> bytes:
        """A GET, or a POST with our secret."""
        headers = self._authorization() if form and self._secret else {}
        method = "POST" if form else "GET"
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                body = await answer.content.read(_MOST_BYTES)
                if answer.status != 200:
                    raise NotSignedInThere(f"{url} answered {answer.status}")
                return body
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise NotSignedInThere(f"{url} cannot be reached: {error or type(error).__name__}") from error


def check_url(url: str) -> None:
    """Raises BadConfig for one that is not HTTPS, but for loopback."""
    split = urlsplit(url)
    is_here = split.hostname in ("localhost", "127.0.0.1", "::1")
    if split.scheme != "https" and not (split.scheme == "http" and is_here):
        raise BadConfig(f"oidc: {url!r} is not https://")


def _decoded(body: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise NotSignedInThere(f"the provider's answer is not understood: {error}") from error


def _keys(body: bytes) -> KeySet:
    try:
        return KeySet.import_key_set(msgspec.json.decode(body))
    except (JoseError, ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise NotSignedInThere(f"the provider's keys are not understood: {error}") from error


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
