"""Whether a complex's account is open to everybody, what it shows, and whose roles review public revenue."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from msgspec.structs import asdict
from starlette.responses import Response

from server.api.places import found_place
from server.api.who import DISCLOSING, Accounting, Disclosing
from server.audit import Subject, record
from server.auth import Form, field
from server.store import public_rows
from server.store.public_rows import REVIEWERS, Account
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/complexes")

_SWITCHES = ("is_open", "is_indexed", "shows_unpaid")


@router.get("/{complex_id}/account")
async def settings(request: Request, complex_id: str, person: Accounting) -> Response:
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        account = await public_rows.account(connection, complex_id)
        months = await public_rows.months(connection, complex_id)
    may_open = person.may(*DISCLOSING)
    context = {"place": place, "account": account, "months": months, "reviewers": REVIEWERS, "may_open": may_open}
    return page(request, person, "public_account.html", **context)


@router.post("/{complex_id}/account")
async def change(request: Request, complex_id: str, person: Disclosing, form: Form) -> Response:
    """Open it, close it, choose what it shows. Closed, its pages are not there any more, at once."""
    house = house_of(request)
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
    roles = [field(form, f"review_{number}", 32) for number in (1, 2, 3)]
    if not set(roles) <= set(REVIEWERS):
        raise HTTPException(422, f"reviews: roles among {', '.join(REVIEWERS)}")
    is_open, is_indexed, shows_unpaid = (bool(field(form, name, 8)) for name in _SWITCHES)
    async with house.db.write(complex_id) as connection:
        before = await public_rows.account(connection, complex_id)
        said = Account(is_open, is_indexed, shows_unpaid, roles[0], roles[1], roles[2])
        await public_rows.put_account(connection, complex_id, said, person.username, house.now())
        told = {name: value for name, value in asdict(said).items() if not name.startswith("changed")}
        told["was_open"] = before.is_open
        on = Subject("public_account", complex_id)
        record(
            connection, person.actor, "public_account.changed", house.now(), on=on, complex_id=complex_id, details=told
        )
    return see(f"/complexes/{quote(complex_id, safe='')}/account")
