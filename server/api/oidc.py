"""Signing in by the provider that server.toml names: there, and back. Without one these paths are not there."""

from __future__ import annotations

from urllib.parse import quote, unquote

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.responses import Response

from server.audit import Actor, nobody, record
from server.auth import address_of, logins_of, public, sign_in, whence_of
from server.house import House
from server.oidc import Attempt, NotSignedInThere, Provider, new_attempt
from server.store import people
from server.store.account_rows import UNSET
from server.store.scope import read_scope
from server.web.answers import house_of, local_path, open_page, see

log = structlog.get_logger()
router = APIRouter(prefix="/login/oidc", dependencies=[Depends(public)])

_COOKIE, _LIFE_S = "gatehouse_oidc", 600


@router.get("")
async def go(request: Request, next: str = "/") -> Response:
    """To the provider; what the way back is checked by stays in the browser."""
    provider, attempt = _provider(request), new_attempt()
    try:
        answer = see(await provider.way_there(attempt, _back(request)))
    except NotSignedInThere as error:
        return await _refuse(request, str(error))
    kept = f"{attempt.secret}~{quote(local_path(next))}"
    secure = request.url.scheme == "https"
    path = "/login/oidc"
    answer.set_cookie(_COOKIE, kept, max_age=_LIFE_S, path=path, httponly=True, samesite="lax", secure=secure)
    return answer


@router.get("/back")
async def back(request: Request, code: str = "", state: str = "", error: str = "") -> Response:
    """Back from the provider: a login for the account that its claim names."""
    provider, kept = _provider(request), request.cookies.get(_COOKIE, "")
    secret, _, target = kept.partition("~")
    if error or not code or not secret:
        return await _refuse(request, error[:100] or "the answer is not to what this browser asked")
    try:
        named = await provider.who(Attempt(secret), code, state, _back(request))
    except NotSignedInThere as refused:
        return await _refuse(request, str(refused))
    token = await _open(request, provider, named)
    if token is None:
        return _sorry(request)
    answer = sign_in(request, see(local_path(unquote(target))), token)
    answer.delete_cookie(_COOKIE, path="/login/oidc")
    return answer


async def _open(request: Request, provider: Provider, named: str) -> str | None:
    """A token for the account of that name; one is made only where server.toml says of which role."""
    house, whence = house_of(request), whence_of(request)
    async with house.db.write() as connection:
        found = await people.by_username(connection, named)
        if found is None and provider.settings.new_role:
            number = await people.insert_account(connection, named, UNSET, provider.settings.new_role, house.now())
            await people.set_scope(connection, number, read_scope(provider.settings.new_scope))
            by = Actor(named, provider.settings.new_role, number, whence[0])
            record(connection, by, "account.made", house.now(), reason="oidc")
            found = await people.by_id(connection, number)
        if found is None or found.disabled_at:
            why = "disabled" if found else "unknown"
            record(connection, nobody(whence[0], named), "login.refused", house.now(), reason=f"oidc {why}")
            return None
        by = Actor(found.username, found.role, found.id, whence[0])
        return await logins_of(request).begin(connection, found, house.now(), by, whence, how="oidc")


async def _refuse(request: Request, why: str) -> Response:
    house = house_of(request)
    log.warning("oidc_refused", why=why)
    async with house.db.write() as connection:
        record(connection, nobody(address_of(request)), "login.refused", house.now(), reason="oidc failed")
    return _sorry(request)


def _sorry(request: Request) -> Response:
    has_oidc = house_of(request).oidc is not None
    return open_page(request, "login.html", 403, next="/", username="", failed="oidc", oidc=has_oidc)


def _provider(request: Request) -> Provider:
    house: House = house_of(request)
    if house.oidc is None:
        raise HTTPException(404, "no provider is set in server.toml")
    return house.oidc


def _back(request: Request) -> str:
    base = house_of(request).config.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/login/oidc/back"
