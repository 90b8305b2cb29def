"""The second factor: codes by TOTP (RFC 6238), each taken once, and recovery codes. The secret lies encrypted in the
database, by a key that lies in the data folder: neither alone is worth anything."""

from __future__ import annotations

import hashlib
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from pyotp import random_base32
from pyotp.totp import TOTP
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Subject, record
from server.logins import lock_after
from server.store import account_rows, people
from server.store.engine import stamp, unstamp

FRESH_FOR = timedelta(minutes=15)  # so long after a code it is not asked for again
ISSUER = "Gatehouse"
_STEP_S, _WINDOW = 30, 1  # a clock may be one step off
_CODES, _CODE_SIGNS = 10, "23456789abcdefghjkmnpqrstuvwxyz"
_KEY_FILE = "second-factor.key"


class WrongKey(Exception):
    """The key in the data folder is not the one the secret was encrypted with; the message says what to do."""


def key_of(folder: Path) -> Fernet:
    """The key of a data folder, made where there is none. Processes that share a database share its file."""
    path = folder / _KEY_FILE
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
    except FileExistsError:
        pass
    return Fernet(path.read_bytes().strip())


class SecondFactor:
    """Sets up and checks the second factor of accounts; everything in the caller's transaction."""

    def __init__(self, key: Fernet) -> None:
        self._key = key

    async def begin(self, connection: AsyncConnection, number: int) -> str:
        """A new secret, that counts once a code of it was shown; its text, for the person alone."""
        secret = random_base32()
        kept = self._key.encrypt(secret.encode()).decode()
        await account_rows.change(connection, number, totp_secret=kept, totp_set_at=None, totp_last_step=None)
        return secret

    async def confirm(self, connection: AsyncConnection, by: Actor, login: str, code: str, now: datetime) -> list[str]:
        """Take the first code of a secret that was begun; recovery codes, shown this once. Empty: it was wrong."""
        kept = await account_rows.second(connection, by.account or 0)
        step = self._step(kept, code, now)
        if kept.totp_set_at is not None or step is None:
            return []
        codes = ["".join(secrets.choice(_CODE_SIGNS) for _ in range(12)) for _ in range(_CODES)]
        await account_rows.change(connection, kept.id, totp_set_at=stamp(now), totp_last_step=step)
        await account_rows.keep_codes(connection, kept.id, [_digest(one) for one in codes])
        await account_rows.verified(connection, login, stamp(now))
        record(connection, by, "second_factor.set", now, on=Subject("account", by.who))
        return codes

    async def check(self, connection: AsyncConnection, by: Actor, login: str, code: str, now: datetime) -> bool:
        """Whether a code is right; then the login is fresh. Wrong ones count and lock as wrong passwords do."""
        kept = await account_rows.second(connection, by.account or 0)
        on = Subject("account", by.who)
        if kept.totp_set_at is None or (kept.locked_until and unstamp(kept.locked_until) > now):
            return False
        step = self._step(kept, code, now)
        is_recovery = step is None and await account_rows.use_code(connection, kept.id, _digest(code), stamp(now))
        if step is None and not is_recovery:
            failures = kept.failures + 1
            lock = lock_after(failures)
            await people.set_failures(connection, kept.id, failures, stamp(now + lock) if lock else None)
            record(connection, by, "second_factor.failed", now, on=on, details={"failures": failures})
            return False
        if step is not None:
            await account_rows.change(connection, kept.id, totp_last_step=step)
        await people.set_failures(connection, kept.id, 0, None)
        await account_rows.verified(connection, login, stamp(now))
        record(connection, by, "second_factor.passed", now, on=on, details={"recovery": True} if is_recovery else None)
        return True

    def _step(self, kept: account_rows.Second, code: str, now: datetime) -> int | None:
        """The step whose code this is, above the last one that was taken. Raises WrongKey."""
        if kept.totp_secret is None or not code.isdecimal():
            return None
        totp, present = TOTP(self._open(kept.totp_secret)), int(now.timestamp()) // _STEP_S
        for step in range(present - _WINDOW, present + _WINDOW + 1):
            is_new = kept.totp_last_step is None or step > kept.totp_last_step
            if secrets.compare_digest(totp.at(step * _STEP_S), code) and is_new:
                return step
        return None

    def _open(self, kept: str) -> str:
        try:
            return self._key.decrypt(kept.encode()).decode()
        except InvalidToken as error:
            raise WrongKey(f"{_KEY_FILE} is not the key of this database: put the right one back") from error


async def reset(connection: AsyncConnection, number: int) -> None:
    """Take the second factor away; the account is led to set up a new one."""
    await account_rows.change(connection, number, totp_secret=None, totp_set_at=None, totp_last_step=None)
    await account_rows.keep_codes(connection, number, [])


def link(secret: str, username: str) -> str:
    """What the QR code says (otpauth://)."""
    return TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def is_fresh(verified_at: str | None, now: datetime) -> bool:
    return verified_at is not None and now - unstamp(verified_at) < FRESH_FOR


def _digest(code: str) -> str:
    signs = "".join(sign for sign in code.lower() if sign in _CODE_SIGNS)
    return hashlib.sha256(signs.encode()).hexdigest()
