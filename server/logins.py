"""Letting people in: one password check, one lock-out rule, one login row. The cookie's token is kept nowhere."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Subject, nobody, record
from server.passwords import Passwords
from server.store import people
from server.store.engine import Database, stamp, unstamp

log = structlog.get_logger()

FAILURES_BEFORE_LOCK = 5
FIRST_LOCK = timedelta(seconds=60)
LONGEST_LOCK = timedelta(hours=1)
# Who guesses at a name that is none, or at a locked account, is written down once in a while: not a row a guess.
_REFUSAL_EVERY = timedelta(minutes=1)
_MOST_REMEMBERED = 10_000


def digest(token: str) -> str:
    """How a token is named in the table."""
    return hashlib.sha256(token.encode()).hexdigest()


def session_name(of: str) -> str:
    """What the audit calls a login, by its digest."""
    return of[:16]


def lock_after(failures: int) -> timedelta | None:
    """How long the n-th failure in a row locks an account: from the fifth on a minute, doubling, at most an hour."""
    over = failures - FAILURES_BEFORE_LOCK
    return None if over < 0 else min(LONGEST_LOCK, FIRST_LOCK * 2 ** min(over, 10))


Whence = tuple[str | None, str | None]  # address and browser


def _closed(account: people.Account, now: datetime) -> str | None:
    """Why an account is not let in now, whatever its password."""
    if account.disabled_at:
        return "disabled"
    return "locked" if account.locked_until and unstamp(account.locked_until) > now else None


class Logins:
    """Opens and ends logins. A wrong name, a wrong password and a locked account look and last the same."""

    def __init__(self, db: Database, passwords: Passwords, now: Callable[[], datetime], life: timedelta) -> None:
        self._db, self._passwords, self._now, self.life = db, passwords, now, life
        self._refused: dict[tuple[str | None, int], datetime] = {}

    async def open(
        self, username: str, password: str, address: str | None = None, browser: str | None = None
    ) -> str | None:
        """A new token, or None where the person is not let in. Raises passwords.TooMany."""
        async with self._db.read() as connection:
            account = await people.by_username(connection, username)
        right, renewed = await self._passwords.check(password, account.password_hash if account else None)
        if account is None:
            await self._note_unknown(address)
            return None
        async with self._db.write() as connection:
            return await self._judge(connection, account.id, right, renewed, (address, browser))

    async def _judge(
        self, connection: AsyncConnection, number: int, right: bool, renewed: str | None, whence: Whence
    ) -> str | None:
        """Looks at the lock within the writing transaction: guesses sent side by side do not pass it."""
        account, now = await people.by_id(connection, number), self._now()
        if account is None:
            return None
        by = Actor(account.username, account.role, account.id, whence[0])
        closed = _closed(account, now)
        if closed:
            if self._is_due((whence[0], number), now):
                record(connection, by, "login.refused", now, on=_account(account), reason=closed)
            return None
        if not right:
            await self._count_failure(connection, account, now, by)
            return None
        if renewed:
            await people.renew_hash(connection, number, renewed)
        await people.set_failures(connection, number, 0, None)
        return await self.begin(connection, account, now, by, whence)

    async def is_password(self, number: int, password: str) -> bool:
        """Whether it is the account's, for someone who is signed in. Counts as signing in does. Raises TooMany."""
        async with self._db.read() as connection:
            account = await people.by_id(connection, number)
        right, _ = await self._passwords.check(password, account.password_hash if account else None)
        now = self._now()
        if account is None or _closed(account, now):
            return False
        if not right:
            async with self._db.write() as connection:
                await self._count_failure(connection, account, now, Actor(account.username, account.role, account.id))
        return right

    async def _note_unknown(self, address: str | None) -> None:
        """Someone tries a name that nobody has. Not the name: it may be a password, typed into the wrong field."""
        now = self._now()
        if self._is_due((address, 0), now):
            async with self._db.write() as connection:
                record(connection, nobody(address), "login.refused", now, reason="unknown")

    def _is_due(self, whose: tuple[str | None, int], now: datetime) -> bool:
        last = self._refused.get(whose)
        if last is not None and now - last < _REFUSAL_EVERY:
            return False
        if len(self._refused) >= _MOST_REMEMBERED:
            self._refused.clear()
        self._refused[whose] = now
        return True

    async def _count_failure(
        self, connection: AsyncConnection, account: people.Account, now: datetime, by: Actor
    ) -> None:
        failures = account.failures + 1
        lock = lock_after(failures)
        await people.set_failures(connection, account.id, failures, stamp(now + lock) if lock else None)
        locked_s = int(lock.total_seconds()) if lock else 0
        told = {"failures": failures, "locked_s": locked_s}
        record(connection, by, "login.failed", now, on=_account(account), details=told)
        log.warning("login_failed", account=account.id, failures=failures, locked_s=locked_s)

    async def begin(
        self,
        connection: AsyncConnection,
        account: people.Account,
        now: datetime,
        by: Actor,
        whence: Whence,
        how: str = "password",
    ) -> str:
        """A login for someone who has shown who they are; its token."""
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        named = digest(token)
        await people.open_login(connection, named, account.id, csrf, (stamp(now), stamp(now + self.life)), whence)
        by = by._replace(session=session_name(named))
        record(connection, by, "login.opened", now, on=_account(account), reason=how)
        return token

    async def end(self, token: str, by: Actor) -> None:
        async with self._db.write() as connection:
            await people.end_login(connection, digest(token))
            record(connection, by, "login.ended", self._now(), on=Subject("account", by.who))

    async def find(self, token: str) -> people.LoggedIn | None:
        """Whose token it is, while the login lasts."""
        async with self._db.read() as connection:
            return await people.logged_in(connection, digest(token), stamp(self._now()))


def _account(account: people.Account) -> Subject:
    return Subject("account", account.username)
