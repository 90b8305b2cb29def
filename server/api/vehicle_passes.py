"""A household's plates that barriers open for, each until a day."""

from __future__ import annotations

import re

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from server.api.residents import day_in, done, need_household
from server.api.who import Residing
from server.audit import Subject
from server.auth import Form, field
from server.store import resident_rows
from server.store.engine import stamp
from server.store.resident_rows import By, NotPossible, PassTerms
from server.store.resident_tables import vehicle_pass
from server.web.answers import house_of

router = APIRouter(prefix="/residents")
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@router.post("/{identity}/plates")
async def add(request: Request, identity: str, person: Residing, form: Form) -> Response:
    view = await need_household(request, person, identity)
    plate = field(form, "plate", 20)

    async def work(connection: AsyncConnection, by: By) -> None:
        await resident_rows.add_pass(connection, by, identity, plate, _terms(form))

    return await done(request, person, view, "pass.added", work)


def _terms(form: FormData) -> PassTerms:
    """Until which day, from which, in which hours, on which places. Raises NotPossible."""
    hours = (field(form, "night_from", 5), field(form, "night_to", 5))
    if any(hours) and not all(_HOUR.fullmatch(hour) for hour in hours):
        raise NotPossible("bad_night")
    first = day_in(form, "from") if field(form, "from", 20) else None
    return PassTerms(day_in(form, "until"), first, hours if any(hours) else None, field(form, "place", 60) or None)


@router.post("/{identity}/places")
async def add_places(request: Request, identity: str, person: Residing, form: Form) -> Response:
    """Places that several plates of the household share: so many cars at once use their passes."""
    view = await need_household(request, person, identity)
    count = field(form, "places", 4)

    async def work(connection: AsyncConnection, by: By) -> None:
        places = int(count) if count.isdecimal() else 0
        said = (field(form, "name", 100), places, field(form, "beyond", 10))
        await resident_rows.add_place(connection, by, identity, *said)

    return await done(request, person, view, "places.added", work)


@router.post("/{identity}/plates/{one}/{what}")
async def change(request: Request, identity: str, one: str, what: str, person: Residing, form: Form) -> Response:
    """End, take that back, or extend."""
    words = {"end": "pass.ended", "restore": "pass.restored", "extend": "pass.extended"}
    if what not in words:
        raise HTTPException(404, "no such change")
    view = await need_household(request, person, identity)
    async with house_of(request).db.read() as connection:
        row = await resident_rows.one_of(connection, vehicle_pass, identity, one)
    if row is None:
        raise HTTPException(404, "no such pass")

    async def work(connection: AsyncConnection, by: By) -> None:
        if what == "restore":
            await resident_rows.restore_pass(connection, by, row)
            return
        ended = {"ended_at": stamp(by.at), "ended_by": by.who}
        until = None if what == "end" else day_in(form, "until").isoformat()
        if until and row["from_day"] and until < row["from_day"]:
            raise NotPossible("bad_day")
        values = {"until_day": until} if until else ended
        await resident_rows.change_pass(connection, by.complex, one, values)

    return await done(request, person, view, words[what], work, on=Subject("pass", one))
