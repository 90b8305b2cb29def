"""Accounts, for the operator of the whole city: who there is, in which role, seeing what; invitations and what ends."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, HTTPException, Path, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from server import second_factor
from server.api.who import Governing
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.logins import digest
from server.store import account_rows, people
from server.store.account_rows import UNSET, AccountView
from server.store.engine import stamp
from server.store.people import ROLES
from server.store.scope import BadScope, Scope, read_scope
from server.store.scope_names import names_of
from server.web.answers import house_of, page, see

log = structlog.get_logger()
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
router = APIRouter(prefix="/accounts")

LINK_LIFE = timedelta(hours=72)
_MOST_NAME_SIGNS = 64


@router.get("")
async def accounts(request: Request, person: Governing, refused: str = "") -> Response:
    """Everybody, and a form to invite someone."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await account_rows.accounts(connection, house.now())
        names = await names_of(connection, [one.scope for one in found])
    return page(request, person, "accounts.html", accounts=found, names=names, roles=ROLES, refused=refused)


@router.post("")
async def invite(request: Request, person: Governing, form: Form) -> Response:
    """A new account without a password, and the link by which the invited sets one."""
    username, role, scope = field(form, "username", _MOST_NAME_SIGNS), _role(form), _scope(form)
    if not username or not username.isprintable() or any(sign.isspace() for sign in username):
        raise HTTPException(422, "a name to sign in with has no spaces")
    house = house_of(request)
    now = house.now()
    async with house.db.write() as connection:
        if await people.by_username(connection, username) is not None:
            return see("/accounts?refused=taken")
        number = await people.insert_account(connection, username, UNSET, role, now)
        await _set_scope(connection, number, scope)
        told = {"role": role, "scope": scope.words}
        record(connection, person.actor, "account.made", now, on=Subject("account", username), details=told)
        link = await _link(request, connection, person, number, username)
    return await _account(request, person, number, link)


@router.get("/{number}")
async def account(request: Request, number: Number, person: Governing) -> Response:
    """One account, with where it is signed in."""
    return await _account(request, person, number)


@router.post("/{number}/invite")
async def invite_again(request: Request, number: Number, person: Governing) -> Response:
    """A new link; the last one ends. The password stays what it is until the link is used."""
    house = house_of(request)
    async with house.db.write() as connection:
        view = await _one(request, connection, number)
        link = await _link(request, connection, person, number, view.username)
    return await _account(request, person, number, link)


@router.post("/{number}/role")
async def change(request: Request, number: Number, person: Governing, form: Form) -> Response:
    """Another role or another scope; open screens follow within seconds."""
    role, scope = _role(form), _scope(form)
    house = house_of(request)
    async with house.db.write() as connection:
        view = await _one(request, connection, number, not_by=person)
        await account_rows.change(connection, number, role=role)
        await _set_scope(connection, number, scope)
        told = {"before": [view.role, *view.scope.words], "after": [role, *scope.words]}
        on = Subject("account", view.username)
        record(connection, person.actor, "account.changed", house.now(), on=on, details=told)
    return see(f"/accounts/{number}")


@router.post("/{number}/{what}")
async def act(request: Request, number: Number, what: str, person: Governing, form: Form) -> Response:
    """Disable, enable, unlock; reset the second factor; end a session, or all."""
    house = house_of(request)
    now = house.now()
    async with house.db.write() as connection:
        view = await _one(request, connection, number, not_by=person if what != "sessions" else None)
        action = await _do(connection, number, what, field(form, "session", 64), stamp(now))
        record(connection, person.actor, action, now, on=Subject("account", view.username))
    return see(f"/accounts/{number}")


async def _do(connection: AsyncConnection, number: int, what: str, session: str, at: str) -> str:
    """Does it; the audit's word for it. Raises HTTPException 404."""
    match what:
        case "disable":
            await account_rows.change(connection, number, disabled_at=at)
            await account_rows.end_sessions(connection, number)
            return "account.disabled"
        case "enable":
            await account_rows.change(connection, number, disabled_at=None)
            return "account.enabled"
        case "unlock":
            await people.set_failures(connection, number, 0, None)
            return "account.unlocked"
        case "second-factor":
            await second_factor.reset(connection, number)
            await account_rows.end_sessions(connection, number)
            return "second_factor.reset"
        case "sessions":
            await account_rows.end_sessions(connection, number, only=session)
            return "session.revoked"
        case _:
            raise HTTPException(404, "no such action")


async def _account(request: Request, person: Person, number: int, link: str | None = None) -> Response:
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _one(request, connection, number)
        sessions = await account_rows.sessions(connection, number, stamp(house.now()))
        names = await names_of(connection, [view.scope])
    hours = int(LINK_LIFE.total_seconds()) // 3_600
    context = {"account": view, "sessions": sessions, "link": link, "hours": hours, "roles": ROLES, "names": names}
    return page(request, person, "account.html", **context)


async def _one(request: Request, connection: AsyncConnection, number: int, not_by: Person | None = None) -> AccountView:
    """Raises HTTPException 404 for nobody, 409 for oneself: nobody locks themself out, or lets themself off."""
    found = await account_rows.accounts(connection, house_of(request).now(), number)
    if not found:
        raise HTTPException(404, "no such account")
    if not_by is not None and not_by.id == number:
        raise HTTPException(409, "another operator does this to an operator")
    return found[0]


async def _link(request: Request, connection: AsyncConnection, person: Person, number: int, username: str) -> str:
    """A link good once, for three days; its token is shown now and kept nowhere."""
    house = house_of(request)
    token, now = secrets.token_urlsafe(32), house.now()
    await account_rows.invite(connection, digest(token), number, stamp(now), stamp(now + LINK_LIFE))
    record(connection, person.actor, "account.invited", now, on=Subject("account", username))
    base = str(request.base_url).rstrip("/")
    return f"{base}/invite/{token}"


async def _set_scope(connection: AsyncConnection, number: int, scope: Scope) -> None:
    try:
        await people.set_scope(connection, number, scope)
    except BadScope as error:
        raise HTTPException(422, str(error)) from error


def _role(form: Form) -> str:
    role = field(form, "role", 32)
    if role not in ROLES:
        raise HTTPException(422, "choose a role")
    return role


def _scope(form: Form) -> Scope:
    try:
        return read_scope(field(form, "scope", 1_000).replace(",", " ").split())
    except BadScope as error:
        raise HTTPException(422, str(error)) from error
