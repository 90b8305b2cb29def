"""Enrolment: one-time codes, and a gateway's id, which follows from its key."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp, unstamp
from server.store.schema import enrol_code, gateway

# No 0/O, 1/I: a code is read over the telephone. 20 of 32 signs: 100 bits.
_CODE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # pragma: allowlist secret
_CODE_LENGTH = 20
_ID_DIGITS = 12


class NotAllowed(Exception):
    """A gateway is not let in. ``error`` is a stable word."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class Gateway(msgspec.Struct, frozen=True):
    """An enrolled gateway, as a request knows it."""

    id: str
    complex: str


def new_code() -> str:
    """A code as people read it, in four groups."""
    signs = "".join(secrets.choice(_CODE_SIGNS) for _ in range(_CODE_LENGTH))
    return "-".join(signs[start : start + 5] for start in range(0, _CODE_LENGTH, 5))


def code_digest(code: str) -> str:
    """What is kept of a code, however it was typed."""
    signs = "".join(sign for sign in code.upper() if sign in _CODE_SIGNS)
    return hashlib.sha256(signs.encode()).hexdigest()


async def keep_code(
    connection: AsyncConnection, code: str, complex_id: str, expires_at: datetime, replaces: str | None = None
) -> None:
    """``replaces``: the gateway whose key ends when the code is used."""
    values = {"digest": code_digest(code), "complex": complex_id, "expires_at": stamp(expires_at), "replaces": replaces}
    await connection.execute(enrol_code.insert().values(**values))


async def find_code(connection: AsyncConnection, code: str) -> Row[Any]:
    """Raises NotAllowed: unknown_code."""
    row = (await connection.execute(select(enrol_code).where(enrol_code.c.digest == code_digest(code)))).first()
    if row is None:
        raise NotAllowed("unknown_code", "no such code; compare it sign by sign, or ask for a new one")
    return row


async def enrol(connection: AsyncConnection, code: str, public_key: dict[str, Any], now: datetime) -> Gateway:
    """The gateway of a key, for a code that is used up by it; in the caller's transaction.

    A key that is known here, alive and of the same complex is the same gateway again. The code once more with the same
    key gives the same until the code ends: an answer may have been lost. Raises NotAllowed: unknown_code, used_code,
    expired_code, replaced_key, other_complex, bad_key.
    """
    row = await find_code(connection, code)
    asked = Gateway(gateway_id(public_key), row.complex)
    if row.used_at is not None:
        return await _enrolled_before(connection, row, asked, public_key, now)
    if unstamp(row.expires_at) <= now:
        raise NotAllowed("expired_code", f"this code ended at {row.expires_at}; ask for a new one")
    known = await _known(connection, asked.id)
    if known is None:
        await _insert(connection, asked, public_key, stamp(now))
    else:
        _check_same(known, asked, public_key)
    await _use_code(connection, row.digest, asked.id, stamp(now))
    if row.replaces and row.replaces != asked.id:
        await _take_the_place_of(connection, asked.id, row.replaces, stamp(now))
    return asked


def gateway_id(public_key: dict[str, Any]) -> str:
    """Derived from the key: a centre that lost its disk gives the same box the same id, and refills under it."""
    digest = hashlib.sha256(_thumbprint(public_key).encode()).hexdigest()
    return f"gw-{digest[:_ID_DIGITS]}"


def check_key(public_key: dict[str, Any]) -> None:
    """Raises NotAllowed: bad_key, for all but the public half of an Ed25519 key."""
    try:
        key = OKPKey.import_key(public_key)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise NotAllowed("bad_key", f"not a JWK: {error}") from error
    if public_key.get("crv") != "Ed25519" or key.is_private:
        raise NotAllowed("bad_key", "an Ed25519 public key is needed, and only its public half")


async def _enrolled_before(
    connection: AsyncConnection, code: Row[Any], asked: Gateway, public_key: dict[str, Any], now: datetime
) -> Gateway:
    """The gateway that this code and this key made. Raises NotAllowed: used_code."""
    known = await _known(connection, asked.id)
    used = NotAllowed("used_code", f"this code was used at {code.used_at}; ask for a new one")
    if code.gateway != asked.id or known is None or unstamp(code.expires_at) <= now:
        raise used
    try:
        _check_same(known, asked, public_key)
    except NotAllowed:
        raise used from None
    return asked


def _check_same(known: Row[Any], asked: Gateway, public_key: dict[str, Any]) -> None:
    """Raises NotAllowed where the gateway of this id is not the one that asks, or may not come back."""
    if _thumbprint(known.public_key) != _thumbprint(public_key):
        raise NotAllowed(
            "bad_key", f"{asked.id} has another key: gatehouse-edge enrol --new-key makes one that is free"
        )
    if known.replaced_at is not None:
        raise NotAllowed(
            "replaced_key", f"{asked.id} was replaced at {known.replaced_at}: gatehouse-edge enrol --new-key"
        )
    if known.complex != asked.complex:
        raise NotAllowed(
            "other_complex",
            f"{asked.id} is of complex {known.complex}, the code of {asked.complex}: "
            "take a code of its own complex, or a new key (gatehouse-edge enrol --new-key)",
        )


async def _known(connection: AsyncConnection, identity: str) -> Row[Any] | None:
    return (await connection.execute(select(gateway).where(gateway.c.id == identity))).first()


async def _insert(connection: AsyncConnection, enrolled: Gateway, key: dict[str, Any], at: str) -> None:
    values = {"id": enrolled.id, "complex": enrolled.complex, "public_key": key, "enrolled_at": at}
    await connection.execute(gateway.insert().values(**values))


async def _take_the_place_of(connection: AsyncConnection, new: str, old: str, at: str) -> None:
    """The old box's key is dead from the moment the new one enrolled, not before: until then it works on."""
    ended = update(gateway).where(gateway.c.id == old, gateway.c.replaced_at.is_(None))
    await connection.execute(ended.values(replaced_at=at))
    await connection.execute(update(gateway).where(gateway.c.id == new).values(replaces=old))


async def _use_code(connection: AsyncConnection, digest: str, identity: str, at: str) -> None:
    used = update(enrol_code).where(enrol_code.c.digest == digest).values(used_at=at, gateway=identity)
    await connection.execute(used)


def _thumbprint(public_key: dict[str, Any]) -> str:
    """RFC 7638: the same for the same key, however its JWK is written."""
    return OKPKey.import_key(public_key).thumbprint()
