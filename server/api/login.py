"""Signing in and out."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from server.api.who import Anyone
from server.auth import COOKIE, Form, check_origin, field, logins_of, public, sign_in, whence_of
from server.passwords import MOST_SIGNS, TooMany
from server.web.answers import house_of, local_path, open_page, see

router = APIRouter()


@router.get("/login", dependencies=[Depends(public)])
async def login_page(request: Request, next: str = "/") -> Response:
    return open_page(request, "login.html", next=local_path(next), username="", failed=None, **_ways(request))


@router.post("/login", dependencies=[Depends(public)])
async def login(request: Request, form: Form) -> Response:
    """Sets the cookie and goes on; what went wrong is the same words whatever it was."""
    check_origin(request)
    username, back = field(form, "username", MOST_SIGNS), local_path(field(form, "next", 2_000))
    password = form.get("password")
    logins = logins_of(request)
    try:
        token = await logins.open(username, password if isinstance(password, str) else "", *whence_of(request))
    except TooMany:
        return open_page(request, "login.html", 503, next=back, username=username, failed="busy", **_ways(request))
    if token is None:
        return open_page(request, "login.html", 401, next=back, username=username, failed="wrong", **_ways(request))
    return sign_in(request, see(back), token)


def _ways(request: Request) -> dict[str, bool]:
    """Whether there is another way to sign in."""
    return {"oidc": house_of(request).oidc is not None}


@router.get("/session")
async def session(person: Anyone) -> Response:
    """For a page that stayed open: whether it is still signed in, as whom, and with which token."""
    return Response(msgspec.json.encode({"person": person.id, "csrf": person.csrf}), media_type="application/json")


@router.post("/logout")
async def logout(request: Request, person: Anyone) -> Response:
    """Ends the login at the centre too; pictures leave the browser where it lets us say so."""
    await logins_of(request).end(request.cookies[COOKIE], person.actor)
    answer = see("/login")
    answer.delete_cookie(COOKIE)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer
