"""One's own account: sessions, password, second factor."""

from __future__ import annotations

import asyncio

import segno
from fastapi import APIRouter, HTTPException, Request
from markupsafe import Markup
from starlette.responses import Response

from server import second_factor
from server.api.who import Anyone
from server.audit import Subject, record
from server.auth import Form, Person, field, logins_of
from server.password_rules import LEAST_SIGNS, weakness
from server.passwords import TooMany, hash_password
from server.store import account_rows, people
from server.store.engine import stamp
from server.web.answers import house_of, local_path, page, see
from server.web.second_step import SETUP, ask_again, kept_fields

router = APIRouter(prefix="/me")

_hashing = asyncio.Semaphore(2)


@router.get("")
async def me(request: Request, person: Anyone) -> Response:
    """Where I am signed in, my password, my second factor."""
    return await _me(request, person)


async def _me(request: Request, person: Person, wrong: str | None = None, status: int = 200) -> Response:
    house = house_of(request)
    async with house.db.read() as connection:
        sessions = await account_rows.sessions(connection, person.id, stamp(house.now()))
        left = await account_rows.codes_left(connection, person.id)
    context = {"sessions": sessions, "wrong": wrong, "least": LEAST_SIGNS, "codes_left": left}
    answer = page(request, person, "me.html", **context)
    answer.status_code = status
    return answer


@router.post("/sessions")
async def revoke(request: Request, person: Anyone, form: Form) -> Response:
    """End one of my sessions; without a name, all the others."""
    house, only = house_of(request), field(form, "session", 64)
    async with house.db.write() as connection:
        ended = await account_rows.end_sessions(connection, person.id, only=only, but="" if only else person.login)
        on = Subject("account", person.username)
        record(connection, person.actor, "session.revoked", house.now(), on=on, details={"ended": ended})
    return see("/me")


@router.post("/password")
async def change_password(request: Request, person: Anyone, form: Form) -> Response:
    """A new password for the old one; my other sessions end."""
    old, new, again = (str(form.get(name) or "") for name in ("old", "password", "again"))
    wrong = weakness(new, person.username) or ("again" if new != again else None)
    if wrong:
        return await _me(request, person, wrong, 422)
    house = house_of(request)
    try:
        if not await logins_of(request).is_password(person.id, old):
            return await _me(request, person, "old", 422)
    except TooMany as error:
        raise HTTPException(503, str(error)) from error
    async with _hashing:
        hashed = await asyncio.to_thread(hash_password, new)
    async with house.db.write() as connection:
        await people.renew_hash(connection, person.id, hashed)
        await account_rows.end_sessions(connection, person.id, but=person.login)
        record(connection, person.actor, "password.changed", house.now(), on=Subject("account", person.username))
    return see("/me")


@router.get("/second-factor")
async def second(request: Request, person: Anyone, next: str = "/me") -> Response:
    """Why and how; where there is one, a code is asked for."""
    if person.has_second_factor:
        return ask_again(request, person, local_path(next), None)
    return page(request, person, "second_factor_new.html", once=None, back=local_path(next), wrong=False)


@router.post("/second-factor/new")
async def begin(request: Request, person: Anyone, form: Form) -> Response:
    """A secret as a QR code, shown this once; it counts once a code of it is typed."""
    house = house_of(request)
    if person.has_second_factor:
        raise HTTPException(409, "there is one already; an operator can reset it")
    async with house.db.write() as connection:
        secret = await house.second_factor.begin(connection, person.id)
        record(connection, person.actor, "second_factor.begun", house.now(), on=Subject("account", person.username))
    return _new(request, person, secret, local_path(field(form, "second_next", 2_000) or "/me"), wrong=False)


def _new(request: Request, person: Person, secret: str, back: str, *, wrong: bool) -> Response:
    qr = segno.make(second_factor.link(secret, person.username), error="m", micro=False)
    picture = Markup(qr.svg_inline(scale=6, dark="#000", light="#fff", svgclass="qr", omitsize=True))  # noqa: S704
    shown = {"qr": picture, "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))}
    return page(request, person, "second_factor_new.html", once=shown, back=back, wrong=wrong)


@router.post("/second-factor/confirm")
async def confirm(request: Request, person: Anyone, form: Form) -> Response:
    """The first code; recovery codes in return, shown this once."""
    house, code = house_of(request), _code(form)
    async with house.db.write() as connection:
        codes = await house.second_factor.confirm(connection, person.actor, person.login, code, house.now())
        if not codes:
            record(connection, person.actor, "second_factor.failed", house.now())
    back = local_path(field(form, "second_next", 2_000) or "/me")
    if not codes:
        return page(request, person, "second_factor_new.html", once=None, back=back, wrong=True)
    return page(request, person, "recovery_codes.html", codes=codes, back=back)


@router.post("/second-factor/check")
async def check(request: Request, person: Anyone, form: Form) -> Response:
    """A code; then what was being done is done: the browser sends the same form again to where it was for."""
    if not person.has_second_factor:
        return see(SETUP)
    house, target = house_of(request), local_path(field(form, "second_next", 2_000) or "/me")
    async with house.db.write() as connection:
        right = await house.second_factor.check(connection, person.actor, person.login, _code(form), house.now())
    is_form = bool(field(form, "second_post", 1))
    if not right:
        return ask_again(request, person, target, kept_fields(form) if is_form else None, wrong=True)
    goes_on = see(target)
    if is_form:
        goes_on.status_code = 307  # the same method, the same body
    return goes_on


def _code(form: Form) -> str:
    return "".join(field(form, "second_code", 40).split())
