"""Who the simulated gateways are: keys, kept in one file, and enrolled by one-time codes where they are new."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.jwk import OKPKey

_AT_ONCE = 16
_TOKEN_LIFE, _RENEW_BEFORE = timedelta(minutes=5), timedelta(minutes=1)


class CannotEnrol(Exception):
    """A gateway of the fleet has no identity, and got none; the message says why."""


class Identity(msgspec.Struct, frozen=True):
    """One gateway, as the file keeps it."""

    gateway: str
    complex: str
    key: dict[str, Any]  # the private JWK


def load(file: Path) -> list[Identity]:
    """Those of earlier runs; none where there is no file. Raises CannotEnrol."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Identity])
    except FileNotFoundError:
        return []
    except msgspec.MsgspecError as error:
        raise CannotEnrol(f"{file} holds no gateways: {error}") from error


def save(identities: Sequence[Identity], file: Path) -> None:
    """Readable by its owner alone."""
    aside = file.with_name(f"{file.name}.part")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(msgspec.json.encode(identities))
    aside.replace(file)


async def enrol(server: str, codes: Sequence[str]) -> list[Identity]:
    """A new gateway for each code. Raises CannotEnrol at the first that is refused."""
    turns = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(_enrol(session, server, code, turns) for code in codes))


async def _enrol(session: aiohttp.ClientSession, server: str, code: str, turns: asyncio.Semaphore) -> Identity:
    key = OKPKey.generate_key("Ed25519")
    body = {"code": code, "public_key": key.as_dict(private=False)}
    async with turns:
        try:
            async with session.post(f"{server}/v1/enrol", json=body) as response:
                said = await response.json(content_type=None)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CannotEnrol(f"{server}: {error}") from error
    if response.status != 200:
        raise CannotEnrol(f"{server} refused a code: {said.get('error')} {said.get('message', '')}")
    return Identity(said["gateway"], said["complex"], key.as_dict(private=True))


class Signer:
    """Signs by the gateway's own clock, whatever that says, until the centre has told the time."""

    def __init__(self, identity: Identity, clock_off: timedelta) -> None:
        self._gateway, self._jwk = identity.gateway, identity.key
        self.off = clock_off  # the gateway's clock less the true time
        self._token, self._ends_at = "", datetime.now(UTC)

    def token(self, now: datetime) -> str:
        """``now`` is the true time."""
        believed = now + self.off
        if not self._token or believed > self._ends_at - _RENEW_BEFORE:
            self._ends_at = believed + _TOKEN_LIFE
            claims = {"iss": self._gateway, "aud": "gatehouse", "iat": believed, "exp": self._ends_at}
            key = OKPKey.import_key(self._jwk)
            self._token = jwt.encode({"alg": "Ed25519"}, claims, key, algorithms=["Ed25519"])
        return self._token

    def learn(self, server_time: datetime, now: datetime) -> None:
        """The centre's time, as a refusal tells it: signed with from now on."""
        self.off, self._token = server_time - now, ""
