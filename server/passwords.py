"""Passwords: argon2id, checked off the loop and few at a time, because each check takes tens of megabytes."""

from __future__ import annotations

import asyncio

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

_AT_ONCE = 2
_WAITING = 64
MOST_SIGNS = 256


class TooMany(Exception):
    """More people are signing in than passwords can be checked; they should try again in a moment."""


def argon2id() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


def hash_password(password: str) -> str:
    """What the account table keeps of a password (some 50 ms of one core)."""
    return argon2id().hash(password)


class Passwords:
    """Checks passwords in threads, at most ``_AT_ONCE``; more than ``_WAITING`` in the queue are turned away."""

    def __init__(self, scheme: PasswordHash | None = None) -> None:
        self._scheme = scheme or argon2id()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def check(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        """Whether it is the password, and its hash made anew where the old one has weaker settings.

        ``kept`` None, for an account that is not there, takes as long and is never right. Raises TooMany.
        """
        if self._waiting >= _WAITING:
            raise TooMany("too many people are signing in at once")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(self._check, password, kept)
        finally:
            self._waiting -= 1

    def _check(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        if len(password) > MOST_SIGNS:
            password = ""
        try:
            right, renewed = self._scheme.verify_and_update(password, kept or self._nobody())
        except PwdlibError:  # a hash of no scheme we know opens nothing
            return False, None
        return (right, renewed) if kept else (False, None)

    def _nobody(self) -> str:
        if self._nobodys is None:
            self._nobodys = self._scheme.hash("nobody has this password")
        return self._nobodys
