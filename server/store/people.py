"""Statements on accounts and logins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Subject, command_line, record
from server.passwords import hash_password
from server.store.engine import Database, stamp
from server.store.people_tables import account, login
from server.store.place_tables import account_scope, area, complex_
from server.store.scope import BadScope, Scope, scope_of

OFFICES = ("community", "street", "district")
ROLES = ("operator", "patrol", "grid_worker", "committee", "clerk", "auditor", *OFFICES, "security_officer")


class UsernameTaken(Exception):
    """An account of that name is there already."""


class Account(msgspec.Struct, frozen=True):
    """An account as signing in needs it."""

    id: int
    username: str
    role: str
    password_hash: str
    failures: int
    locked_until: str | None
    disabled_at: str | None


class LoggedIn(msgspec.Struct, frozen=True):
    """A login with the account it belongs to."""

    account: int
    username: str
    role: str
    scope: Scope
    csrf: str
    expires_at: str
    verified_at: str | None = None  # when this login last showed its second factor,
    totp_set_at: str | None = None  # and since when the account has one


_OF_SIGNING_IN = (account.c.id, account.c.username, account.c.role, account.c.password_hash)


async def add_account(
    db: Database, username: str, password: str, role: str, scope: Scope, now: datetime, by: Actor | None = None
) -> None:
    """A new account. Raises UsernameTaken, or ValueError for a role or a place that is none."""
    if role not in ROLES:
        raise ValueError(f"no such role: {role!r}; there are {', '.join(ROLES)}")
    password_hash = await asyncio.to_thread(hash_password, password)
    async with db.write() as connection:
        if await by_username(connection, username) is not None:
            raise UsernameTaken(f"there is an account {username!r} already")
        number = await insert_account(connection, username, password_hash, role, now)
        await set_scope(connection, number, scope)
        told = {"role": role, "scope": scope.words}
        record(connection, by or command_line(), "account.made", now, on=Subject("account", username), details=told)


async def insert_account(
    connection: AsyncConnection, username: str, password_hash: str, role: str, now: datetime
) -> int:
    """An account that sees nothing yet; its number."""
    values = {"username": username, "password_hash": password_hash, "role": role, "created_at": stamp(now)}
    number: int = (await connection.execute(account.insert().values(**values).returning(account.c.id))).scalar_one()
    return number


async def by_username(connection: AsyncConnection, username: str) -> Account | None:
    return await _account(connection, account.c.username == username)


async def by_id(connection: AsyncConnection, number: int) -> Account | None:
    return await _account(connection, account.c.id == number)


async def _account(connection: AsyncConnection, which: Any) -> Account | None:
    columns = (*_OF_SIGNING_IN, account.c.failures, account.c.locked_until, account.c.disabled_at)
    row = (await connection.execute(select(*columns).where(which))).mappings().first()
    return None if row is None else msgspec.convert(row, Account)


async def set_failures(connection: AsyncConnection, number: int, failures: int, locked_until: str | None) -> None:
    changed = update(account).where(account.c.id == number)
    await connection.execute(changed.values(failures=failures, locked_until=locked_until))


async def renew_hash(connection: AsyncConnection, number: int, password_hash: str) -> None:
    await connection.execute(update(account).where(account.c.id == number).values(password_hash=password_hash))


async def open_login(
    connection: AsyncConnection,
    digest: str,
    number: int,
    csrf: str,
    times: tuple[str, str],
    whence: tuple[str | None, str | None] = (None, None),
) -> None:
    """Keep a login: from when to when, of which address and browser; those that have ended, anybody's, go."""
    created_at, expires_at = times
    await connection.execute(delete(login).where(login.c.expires_at <= created_at))
    values = {"digest": digest, "account": number, "csrf": csrf, "address": whence[0], "browser": whence[1]}
    await connection.execute(login.insert().values(**values, created_at=created_at, expires_at=expires_at))


async def end_login(connection: AsyncConnection, digest: str) -> None:
    await connection.execute(delete(login).where(login.c.digest == digest))


async def logged_in(connection: AsyncConnection, digest: str, now: str) -> LoggedIn | None:
    """The login a token's digest names, while it lasts."""
    return (await logins_of(connection, [digest], now)).get(digest)


async def logins_of(connection: AsyncConnection, digests: Sequence[str], now: str) -> dict[str, LoggedIn]:
    """Those of the logins that last, with who they are and what they see at this moment."""
    columns = (login.c.digest, login.c.account, account.c.username, account.c.role, login.c.csrf, login.c.expires_at)
    places = (account_scope.c.kind, account_scope.c.place, area.c.kind.label("area_kind"))
    columns = (*columns, login.c.verified_at, account.c.totp_set_at)
    query = select(*columns, *places).join(account, account.c.id == login.c.account)
    query = query.outerjoin(account_scope, account_scope.c.account == login.c.account)
    query = query.outerjoin(area, (area.c.id == account_scope.c.place) & (account_scope.c.kind == "area"))
    query = query.where(login.c.digest.in_(digests), login.c.expires_at > now, account.c.disabled_at.is_(None))
    by_digest: dict[str, list[Any]] = {}
    for row in (await connection.execute(query)).mappings():
        by_digest.setdefault(row["digest"], []).append(row)
    return {digest: _logged_in(rows) for digest, rows in by_digest.items()}


_OF_LOGIN = ("account", "username", "role", "csrf", "expires_at", "verified_at", "totp_set_at")


def _logged_in(rows: list[Any]) -> LoggedIn:
    """From a row for each of its places; one row without a place where it has none."""
    is_wide = any(row["area_kind"] == "district" for row in rows)
    scope = scope_of(((row["kind"], row["place"]) for row in rows if row["kind"]), is_wide=is_wide)
    first = rows[0]
    login_of = {name: first[name] for name in _OF_LOGIN}
    return LoggedIn(**login_of, scope=scope)


async def set_scope(connection: AsyncConnection, number: int, scope: Scope) -> None:
    """What an account sees from now on; screens that are open follow within seconds. Raises BadScope."""
    await _check_places(connection, scope)
    await connection.execute(delete(account_scope).where(account_scope.c.account == number))
    rows = [{"account": number, "kind": kind, "place": place} for kind, place in scope.rows]
    if rows:
        await connection.execute(account_scope.insert(), rows)


async def _check_places(connection: AsyncConnection, scope: Scope) -> None:
    """Raises BadScope for a place that is not there: a slip of the pen would show nothing, or later too much."""
    for kind, table, named in (("area", area, scope.areas), ("complex", complex_, scope.complexes)):
        known = set((await connection.execute(select(table.c.id).where(table.c.id.in_(named)))).scalars())
        if missing := sorted(named - known):
            raise BadScope(f"there is no {kind} {missing[0]!r}: add it first, on the page of places or in server.toml")
