"""Statements on accounts as their operator and owner see them: lists, invitations, sessions, the second factor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.people_tables import account, invitation, login, recovery_code
from server.store.place_tables import account_scope
from server.store.scope import Scope, scope_of

UNSET = "!"  # of no scheme: nothing is ever the password


class AccountView(msgspec.Struct, frozen=True):
    """An account as the page of accounts shows it."""

    id: int
    username: str
    role: str
    created_at: datetime
    failures: int
    locked_until: datetime | None
    disabled_at: datetime | None
    totp_set_at: datetime | None
    sessions: int
    has_password: bool
    scope: Scope
    invited_until: datetime | None


class SessionView(msgspec.Struct, frozen=True):
    """A login as its owner sees it."""

    digest: str
    created_at: datetime
    expires_at: datetime
    address: str | None
    browser: str | None


class Second(msgspec.Struct, frozen=True):
    """What is kept of an account's second factor."""

    id: int
    username: str
    role: str
    failures: int
    locked_until: str | None
    totp_secret: str | None
    totp_set_at: str | None
    totp_last_step: int | None


async def accounts(connection: AsyncConnection, now: datetime, number: int | None = None) -> list[AccountView]:
    """Every account by name, or one."""
    at = stamp(now)
    sessions = select(func.count()).where(login.c.account == account.c.id, login.c.expires_at > at).scalar_subquery()
    open_ = (invitation.c.account == account.c.id, invitation.c.used_at.is_(None), invitation.c.expires_at > at)
    invited = select(func.max(invitation.c.expires_at)).where(*open_).scalar_subquery()
    query = select(account, sessions.label("sessions"), invited.label("invited_until")).order_by(account.c.username)
    if number is not None:
        query = query.where(account.c.id == number)
    rows = (await connection.execute(query)).mappings().all()
    scopes = await _scopes(connection, [row["id"] for row in rows])
    found: list[AccountView] = []
    for row in rows:
        said = {str(name): value for name, value in row.items() if name in AccountView.__struct_fields__}
        said |= {"has_password": row["password_hash"] != UNSET, "scope": {}}
        view = msgspec.convert(said, AccountView)
        found.append(msgspec.structs.replace(view, scope=scopes[view.id]))
    return found


async def _scopes(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, Scope]:
    named: dict[int, list[tuple[str, str]]] = {number: [] for number in numbers}
    query = select(account_scope).where(account_scope.c.account.in_(numbers))
    for row in await connection.execute(query):
        named[row.account].append((row.kind, row.place))
    return {number: scope_of(rows) for number, rows in named.items()}


async def change(connection: AsyncConnection, number: int, **values: object) -> None:
    await connection.execute(update(account).where(account.c.id == number).values(**values))


async def invite(connection: AsyncConnection, digest: str, number: int, made_at: str, expires_at: str) -> None:
    """One link an account: an earlier one ends."""
    await connection.execute(delete(invitation).where(invitation.c.account == number))
    values = {"digest": digest, "account": number, "made_at": made_at, "expires_at": expires_at}
    await connection.execute(invitation.insert().values(**values))


async def invited(connection: AsyncConnection, digest: str, now: str) -> tuple[int, str, str] | None:
    """Number, name and role of who a link invites, while it is good."""
    query = select(account.c.id, account.c.username, account.c.role).join(
        invitation, invitation.c.account == account.c.id
    )
    good = (invitation.c.digest == digest, invitation.c.used_at.is_(None), invitation.c.expires_at > now)
    row = (await connection.execute(query.where(*good, account.c.disabled_at.is_(None)))).first()
    return None if row is None else (row.id, row.username, row.role)


async def use_invitation(connection: AsyncConnection, digest: str, now: str) -> None:
    await connection.execute(update(invitation).where(invitation.c.digest == digest).values(used_at=now))


async def sessions(connection: AsyncConnection, number: int, now: str) -> list[SessionView]:
    """An account's logins that last, the newest first."""
    columns = (login.c.digest, login.c.created_at, login.c.expires_at, login.c.address, login.c.browser)
    query = select(*columns).where(login.c.account == number, login.c.expires_at > now)
    rows = await connection.execute(query.order_by(login.c.created_at.desc()))
    return [msgspec.convert(row, SessionView) for row in rows.mappings()]


async def end_sessions(connection: AsyncConnection, number: int, *, but: str = "", only: str = "") -> int:
    """End an account's logins: all, all but one, or those whose digest begins so; how many there were."""
    query = delete(login).where(login.c.account == number, login.c.digest != but)
    if only:
        query = query.where(login.c.digest.startswith(only, autoescape=True))
    return len((await connection.execute(query.returning(login.c.digest))).all())


async def second(connection: AsyncConnection, number: int) -> Second:
    columns = (getattr(account.c, name) for name in Second.__struct_fields__)
    row = (await connection.execute(select(*columns).where(account.c.id == number))).mappings().one()
    return msgspec.convert(row, Second)


async def keep_codes(connection: AsyncConnection, number: int, digests: Sequence[str]) -> None:
    """The recovery codes of an account, instead of those it had."""
    await connection.execute(delete(recovery_code).where(recovery_code.c.account == number))
    if digests:
        await connection.execute(recovery_code.insert(), [{"account": number, "digest": one} for one in digests])


async def use_code(connection: AsyncConnection, number: int, digest: str, now: str) -> bool:
    """Whether it was a recovery code that was good; from now on it is not."""
    mine = (recovery_code.c.account == number, recovery_code.c.digest == digest, recovery_code.c.used_at.is_(None))
    used = update(recovery_code).where(*mine).values(used_at=now).returning(recovery_code.c.digest)
    return (await connection.execute(used)).first() is not None


async def codes_left(connection: AsyncConnection, number: int) -> int:
    query = select(func.count()).where(recovery_code.c.account == number, recovery_code.c.used_at.is_(None))
    return (await connection.execute(query)).scalar_one()


async def verified(connection: AsyncConnection, digest: str, at: str) -> None:
    """A login has shown its second factor."""
    await connection.execute(update(login).where(login.c.digest == digest).values(verified_at=at))
