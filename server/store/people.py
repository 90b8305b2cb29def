"""Statements on accounts and logins."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.passwords import hash_password
from server.store.engine import Database, stamp
from server.store.schema import account, login

ROLES = ("operator", "patrol", "committee", "clerk")


class UsernameTaken(Exception):
    """An account of that name is there already."""


class Account(msgspec.Struct, frozen=True):
    """An account as signing in needs it."""

    id: int
    username: str
    password_hash: str
    failures: int
    locked_until: str | None


class LoggedIn(msgspec.Struct, frozen=True):
    """A login with the account it belongs to."""

    account: int
    username: str
    role: str
    complexes: list[str]
    csrf: str
    expires_at: str


async def add_account(
    db: Database, username: str, password: str, role: str, complexes: list[str], now: datetime
) -> None:
    """A new account; no complexes: all. Raises UsernameTaken, or ValueError for a role that is none."""
    if role not in ROLES:
        raise ValueError(f"no such role: {role!r}; there are {', '.join(ROLES)}")
    password_hash = await asyncio.to_thread(hash_password, password)
    values = {"username": username, "password_hash": password_hash, "role": role, "complexes": complexes}
    async with db.write() as connection:
        if await by_username(connection, username) is not None:
            raise UsernameTaken(f"there is an account {username!r} already")
        await connection.execute(account.insert().values(**values, created_at=stamp(now)))


async def by_username(connection: AsyncConnection, username: str) -> Account | None:
    return await _account(connection, account.c.username == username)


async def by_id(connection: AsyncConnection, number: int) -> Account | None:
    return await _account(connection, account.c.id == number)


async def _account(connection: AsyncConnection, which: Any) -> Account | None:
    columns = (account.c.id, account.c.username, account.c.password_hash, account.c.failures, account.c.locked_until)
    row = (await connection.execute(select(*columns).where(which))).mappings().first()
    return None if row is None else msgspec.convert(row, Account)


async def set_failures(connection: AsyncConnection, number: int, failures: int, locked_until: str | None) -> None:
    changed = update(account).where(account.c.id == number)
    await connection.execute(changed.values(failures=failures, locked_until=locked_until))


async def renew_hash(connection: AsyncConnection, number: int, password_hash: str) -> None:
    await connection.execute(update(account).where(account.c.id == number).values(password_hash=password_hash))


async def open_login(
    connection: AsyncConnection, digest: str, number: int, csrf: str, created_at: str, expires_at: str
) -> None:
    """Keep a login; those that have ended, anybody's, go."""
    await connection.execute(delete(login).where(login.c.expires_at <= created_at))
    values = {"digest": digest, "account": number, "csrf": csrf}
    await connection.execute(login.insert().values(**values, created_at=created_at, expires_at=expires_at))


async def end_login(connection: AsyncConnection, digest: str) -> None:
    await connection.execute(delete(login).where(login.c.digest == digest))


async def logged_in(connection: AsyncConnection, digest: str, now: str) -> LoggedIn | None:
    """The login a token's digest names, while it lasts."""
    columns = (login.c.account, account.c.username, account.c.role, account.c.complexes, login.c.csrf)
    query = select(*columns, login.c.expires_at).join(account, account.c.id == login.c.account)
    query = query.where(login.c.digest == digest, login.c.expires_at > now)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, LoggedIn)
