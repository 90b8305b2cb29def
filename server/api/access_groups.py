"""What groups open and when: doors that go together, hours of the week, and holidays of a complex."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.resident_import import need_place
from server.api.residents import REFUSED
from server.api.who import Allotting, Residing
from server.audit import Subject
from server.auth import Form, Person, field
from server.residents import changing
from server.store import access_rows, reach_views
from server.store.access_rows import WEEK
from server.store.resident_rows import NotPossible
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/residents/access/{complex_id}")

_MOST_SIGNS = 10_000


@router.get("")
async def show(request: Request, complex_id: str, person: Residing, refused: str = "") -> Response:
    """Groups, schedules and holidays, each in a form of its own."""
    place = await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        found = await access_rows.access(connection, complex_id)
        doors = await reach_views.doors_of(connection, complex_id)
        reach = await reach_views.reach(connection, complex_id, "doors")
        version = await reach_views.newest(connection, complex_id, "doors")
    context = {"access": found, "doors": doors, "week": WEEK, "reach": reach, "version": version}
    words = REFUSED.get(refused, "")
    return page(request, person, "access.html", place=place, refused=words, **context)


@router.post("/groups")
async def put_group(request: Request, complex_id: str, person: Allotting, form: Form) -> Response:
    """A new group, or another content of one; without doors it goes."""
    name, doors = _name(form), field(form, "doors", _MOST_SIGNS)
    schedule = field(form, "schedule", 200)

    async def work(connection: Any) -> None:
        if not doors:
            await access_rows.remove_group(connection, complex_id, name)
            return
        await access_rows.put_group(connection, complex_id, name, doors, schedule)

    return await _done(request, person, complex_id, "group", work)


@router.post("/schedules")
async def put_schedule(request: Request, complex_id: str, person: Allotting, form: Form) -> Response:
    """A new schedule, or other hours of one; without hours it goes."""
    name, hours = _name(form), {day: field(form, day, 200) for day in WEEK}

    async def work(connection: Any) -> None:
        if not any(hours.values()):
            await access_rows.remove_schedule(connection, complex_id, name)
            return
        await access_rows.put_schedule(connection, complex_id, name, hours)

    return await _done(request, person, complex_id, "schedule", work)


@router.post("/holidays")
async def put_holidays(request: Request, complex_id: str, person: Allotting, form: Form) -> Response:
    """All holidays, in place of those there were."""
    days = field(form, "days", _MOST_SIGNS)

    async def work(connection: Any) -> None:
        await access_rows.put_holidays(connection, complex_id, days)

    return await _done(request, person, complex_id, "holidays", work)


def _name(form: Any) -> str:
    return " ".join(field(form, "name", 100).split())


async def _done(request: Request, person: Person, complex_id: str, what: str, work: Any) -> Response:
    await need_place(request, person, complex_id)
    house, back = house_of(request), f"/residents/access/{complex_id}"
    on = Subject("complex", complex_id)
    try:
        change = changing(house, person.actor, complex_id, "access.changed", on, details={"what": what})
        async with change as (connection, _by):
            await work(connection)
    except NotPossible as error:
        return see(f"{back}?refused={error.reason}")
    return see(back)
