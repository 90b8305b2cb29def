"""Gateways: enrolled once by a code, known afterwards by their Ed25519 key; each request bears a short-lived token."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import Database, stamp, unstamp
from server.store.schema import enrol_code, gateway

AUDIENCE = "gatehouse"
ALGORITHM = "Ed25519"
LEEWAY = timedelta(seconds=60)
MAX_LIFE = timedelta(minutes=10)
_REMEMBER = timedelta(seconds=15)  # so long a replaced gateway's token may still pass
_MAX_REMEMBERED = 50_000
# No 0/O, 1/I: a code is read over the telephone. 20 of 32 signs: 100 bits.
_CODE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH = 20


class NotAllowed(Exception):
    """A gateway is not let in. ``error`` is a stable word."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class Gateway(msgspec.Struct, frozen=True):
    """An enrolled gateway, as a request knows it."""

    id: str
    complex: str


class Claims(msgspec.Struct):
    """What a token says: times are seconds since 1970."""

    iss: str
    aud: str
    iat: float
    exp: float


class GatewayAuth:
    """Checks tokens and enrols gateways."""

    def __init__(self, db: Database, now: Callable[[], datetime], code_life: timedelta) -> None:
        self._db, self._now, self._code_life = db, now, code_life
        self._remembered: dict[str, tuple[Gateway, datetime]] = {}

    async def check(self, token: str) -> Gateway:
        """Whose token it is. Raises NotAllowed: no_token, bad_token, expired, not_yet, unknown_gateway, replaced."""
        now = self._now()
        known = self._remembered.get(token)
        if known and now < known[1]:
            return known[0]
        claims = _unverified(token)
        row = await self._find(claims.iss)
        _verify(token, row.public_key)
        _check_times(claims, now)
        found = Gateway(row.id, row.complex)
        self._remember(token, found, min(now + _REMEMBER, datetime.fromtimestamp(claims.exp, now.tzinfo) + LEEWAY))
        return found

    def _remember(self, token: str, found: Gateway, until: datetime) -> None:
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = (found, until)

    async def _find(self, identity: str) -> Row[Any]:
        async with self._db.read() as connection:
            row = (await connection.execute(select(gateway).where(gateway.c.id == identity))).first()
        if row is None:
            raise NotAllowed("unknown_gateway", f"no gateway {identity!r} is enrolled here")
        if row.replaced_at is not None:
            raise NotAllowed("replaced", f"{identity} was replaced at {row.replaced_at}; its key is dead")
        return row

    async def issue_code(self, complex_id: str) -> tuple[str, datetime]:
        """A one-time code for a complex, and when it ends. Only its digest is kept."""
        code = "".join(secrets.choice(_CODE_SIGNS) for _ in range(_CODE_LENGTH))
        expires_at = self._now() + self._code_life
        values = {"digest": _digest(code), "complex": complex_id, "expires_at": stamp(expires_at)}
        async with self._db.write() as connection:
            await connection.execute(enrol_code.insert().values(**values))
        return "-".join(code[start : start + 5] for start in range(0, _CODE_LENGTH, 5)), expires_at

    async def enrol(self, code: str, public_key: dict[str, Any]) -> Gateway:
        """A gateway for a code. Raises NotAllowed: bad_key, unknown_code, used_code, expired_code.

        The same code with the same key gives the same gateway until the code ends: an answer may have been lost.
        """
        _check_key(public_key)
        now = self._now()
        async with self._db.read() as connection:
            await _code(connection, code)  # a guess does not take the writer from anyone
        async with self._db.write() as connection:
            row = await _code(connection, code)
            if row.used_at is not None:
                return await _enrolled_before(connection, row, public_key, now)
            if unstamp(row.expires_at) <= now:
                raise NotAllowed("expired_code", f"this code ended at {row.expires_at}; ask for a new one")
            enrolled = Gateway(f"gw-{secrets.token_hex(6)}", row.complex)
            await _insert_gateway(connection, enrolled, public_key, stamp(now))
            await _use_code(connection, row.digest, enrolled.id, stamp(now))
        return enrolled

    async def replace(self, identity: str) -> None:
        """End a gateway's key; its records stay."""
        async with self._db.write() as connection:
            ended = update(gateway).where(gateway.c.id == identity).values(replaced_at=stamp(self._now()))
            await connection.execute(ended)
        self._remembered.clear()


def _digest(code: str) -> str:
    signs = "".join(sign for sign in code.upper() if sign in _CODE_SIGNS)
    return hashlib.sha256(signs.encode()).hexdigest()


async def _code(connection: AsyncConnection, code: str) -> Row[Any]:
    row = (await connection.execute(select(enrol_code).where(enrol_code.c.digest == _digest(code)))).first()
    if row is None:
        raise NotAllowed("unknown_code", "no such code; compare it sign by sign, or ask for a new one")
    return row


async def _enrolled_before(connection: AsyncConnection, code: Row[Any], key: dict[str, Any], now: datetime) -> Gateway:
    """The gateway that this code and this key made. Raises NotAllowed: used_code."""
    row = (await connection.execute(select(gateway).where(gateway.c.id == code.gateway))).first()
    same = row is not None and row.replaced_at is None and _thumbprint(row.public_key) == _thumbprint(key)
    if row is None or not same or unstamp(code.expires_at) <= now:
        raise NotAllowed("used_code", f"this code was used at {code.used_at}; ask for a new one")
    return Gateway(row.id, row.complex)


def _thumbprint(public_key: dict[str, Any]) -> str:
    """RFC 7638: the same for the same key, however its JWK is written."""
    return OKPKey.import_key(public_key).thumbprint()


async def _insert_gateway(connection: AsyncConnection, enrolled: Gateway, key: dict[str, Any], at: str) -> None:
    values = {"id": enrolled.id, "complex": enrolled.complex, "public_key": key, "enrolled_at": at}
    await connection.execute(gateway.insert().values(**values))


async def _use_code(connection: AsyncConnection, digest: str, identity: str, at: str) -> None:
    used = update(enrol_code).where(enrol_code.c.digest == digest).values(used_at=at, gateway=identity)
    await connection.execute(used)


def _check_key(public_key: dict[str, Any]) -> None:
    try:
        key = OKPKey.import_key(public_key)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise NotAllowed("bad_key", f"not a JWK: {error}") from error
    if public_key.get("crv") != "Ed25519" or key.is_private:
        raise NotAllowed("bad_key", "an Ed25519 public key is needed, and only its public half")


def _unverified(token: str) -> Claims:
    """Who says to have signed; nothing of it is believed before ``_verify``."""
    if not token:
        raise NotAllowed("no_token", "an Authorization: Bearer header is needed")
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims)
    except (IndexError, ValueError, msgspec.MsgspecError) as error:
        raise NotAllowed("bad_token", f"not a token of ours: {error}") from error
    if claims.aud != AUDIENCE:
        raise NotAllowed("bad_token", f"the token is for {claims.aud!r}")
    return claims


def _verify(token: str, public_key: dict[str, Any]) -> None:
    try:
        jwt.decode(token, OKPKey.import_key(public_key), algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise NotAllowed("bad_token", f"the signature does not hold: {error}") from error


def _check_times(claims: Claims, now: datetime) -> None:
    seconds = now.timestamp()
    if claims.exp + LEEWAY.total_seconds() < seconds:
        raise NotAllowed("expired", "the token has ended: is the gateway's clock slow?")
    if claims.iat - LEEWAY.total_seconds() > seconds:
        raise NotAllowed("not_yet", "the token begins in the future: is the gateway's clock fast?")
    if claims.exp - claims.iat > MAX_LIFE.total_seconds():
        raise NotAllowed("bad_token", f"tokens live at most {MAX_LIFE}")
