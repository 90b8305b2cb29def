"""Letting people in: one password check, one lock-out rule, one login row. The cookie's token is kept nowhere."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.passwords import Passwords
from server.store import people
from server.store.engine import Database, stamp, unstamp

log = structlog.get_logger()

FAILURES_BEFORE_LOCK = 5
FIRST_LOCK = timedelta(seconds=60)
LONGEST_LOCK = timedelta(hours=1)


def digest(token: str) -> str:
    """How a token is named in the table."""
    return hashlib.sha256(token.encode()).hexdigest()


def lock_after(failures: int) -> timedelta | None:
    """How long the n-th failure in a row locks an account: from the fifth on a minute, doubling, at most an hour."""
    over = failures - FAILURES_BEFORE_LOCK
    return None if over < 0 else min(LONGEST_LOCK, FIRST_LOCK * 2 ** min(over, 10))


class Logins:
    """Opens and ends logins. A wrong name, a wrong password and a locked account look and last the same."""

    def __init__(self, db: Database, passwords: Passwords, now: Callable[[], datetime], life: timedelta) -> None:
        self._db, self._passwords, self._now, self.life = db, passwords, now, life

    async def open(self, username: str, password: str) -> str | None:
        """A new token, or None where the person is not let in. Raises passwords.TooMany."""
        async with self._db.read() as connection:
            account = await people.by_username(connection, username)
        right, renewed = await self._passwords.check(password, account.password_hash if account else None)
        if account is None:
            return None
        async with self._db.write() as connection:
            return await self._judge(connection, account.id, right, renewed)

    async def _judge(self, connection: AsyncConnection, number: int, right: bool, renewed: str | None) -> str | None:
        """Looks at the lock within the writing transaction: guesses sent side by side do not pass it."""
        account, now = await people.by_id(connection, number), self._now()
        if account is None or (account.locked_until and unstamp(account.locked_until) > now):
            return None
        if not right:
            await self._count_failure(connection, account, now)
            return None
        if renewed:
            await people.renew_hash(connection, number, renewed)
        await people.set_failures(connection, number, 0, None)
        return await self._open(connection, number, now)

    async def _count_failure(self, connection: AsyncConnection, account: people.Account, now: datetime) -> None:
        failures = account.failures + 1
        lock = lock_after(failures)
        await people.set_failures(connection, account.id, failures, stamp(now + lock) if lock else None)
        log.warning("login_failed", account=account.id, failures=failures, locked_s=lock.total_seconds() if lock else 0)

    async def _open(self, connection: AsyncConnection, number: int, now: datetime) -> str:
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        await people.open_login(connection, digest(token), number, csrf, stamp(now), stamp(now + self.life))
        return token

    async def end(self, token: str) -> None:
        async with self._db.write() as connection:
            await people.end_login(connection, digest(token))

    async def find(self, token: str) -> people.LoggedIn | None:
        """Whose token it is, while the login lasts."""
        async with self._db.read() as connection:
            return await people.logged_in(connection, digest(token), stamp(self._now()))
