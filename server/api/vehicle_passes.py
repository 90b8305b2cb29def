"""A household's plates that barriers open for, each until a day."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from server.api.residents import day_in, done, need_household
from server.api.who import Residing
from server.audit import Subject
from server.auth import Form, field
from server.store import resident_rows
from server.store.engine import stamp
from server.store.resident_rows import By
from server.store.resident_tables import vehicle_pass
from server.web.answers import house_of

router = APIRouter(prefix="/residents")


@router.post("/{identity}/plates")
async def add(request: Request, identity: str, person: Residing, form: Form) -> Response:
    view = await need_household(request, person, identity)
    plate = field(form, "plate", 20)

    async def work(connection: AsyncConnection, by: By) -> None:
        await resident_rows.add_pass(connection, by, identity, plate, day_in(form, "until"))

    return await done(request, person, view, "pass.added", work)


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
        values = ended if what == "end" else {"until_day": day_in(form, "until").isoformat()}
        await resident_rows.change_pass(connection, by.complex, one, values)

    return await done(request, person, view, words[what], work, on=Subject("pass", one))
