"""The link by which someone invited sets a password of their own."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from server.audit import Actor, Subject, record
from server.auth import Form, address_of, check_origin, public
from server.logins import digest
from server.password_rules import LEAST_SIGNS, weakness
from server.passwords import hash_password
from server.store import account_rows, people
from server.store.engine import stamp
from server.web.answers import house_of, open_page, see

router = APIRouter(prefix="/invite")

_hashing = asyncio.Semaphore(2)  # each takes tens of megabytes


@router.get("/{token}", dependencies=[Depends(public)])
async def invitation(request: Request, token: str) -> Response:
    """Who is invited, and a form; looking at it uses nothing up."""
    return await _form(request, token)


@router.post("/{token}", dependencies=[Depends(public)])
async def accept(request: Request, token: str, form: Form) -> Response:
    """Set the password, use up the link, end what sessions there were, and go to the login."""
    check_origin(request)
    house = house_of(request)
    password, again = (str(form.get(name) or "") for name in ("password", "again"))
    async with house.db.read() as connection:
        found = await account_rows.invited(connection, digest(token), stamp(house.now()))
    if found is None:
        return await _form(request, token)
    wrong = weakness(password, found[1]) or ("again" if password != again else None)
    if wrong:
        return await _form(request, token, wrong)
    async with _hashing:
        hashed = await asyncio.to_thread(hash_password, password)
    return see("/login") if await _keep(request, token, hashed) else await _form(request, token)


async def _keep(request: Request, token: str, hashed: str) -> bool:
    """Whether the link was still good; of two that use it at once, one is."""
    house = house_of(request)
    now = house.now()
    async with house.db.write() as connection:
        found = await account_rows.invited(connection, digest(token), stamp(now))
        if found is None:
            return False
        number, username, role = found
        await people.renew_hash(connection, number, hashed)
        await people.set_failures(connection, number, 0, None)
        await account_rows.use_invitation(connection, digest(token), stamp(now))
        await account_rows.end_sessions(connection, number)
        by = Actor(username, role, number, address_of(request))
        record(connection, by, "invitation.used", now, on=Subject("account", username))
    return True


async def _form(request: Request, token: str, wrong: str | None = None) -> Response:
    house = house_of(request)
    async with house.db.read() as connection:
        found = await account_rows.invited(connection, digest(token), stamp(house.now()))
    status = 410 if found is None else 422 if wrong else 200
    name = found[1] if found else None
    return open_page(request, "invite.html", status, token=token, username=name, wrong=wrong, least=LEAST_SIGNS)
