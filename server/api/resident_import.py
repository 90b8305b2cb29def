"""Residents from a workbook: a template to fill in, a preview of every row, nothing written before it is confirmed."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import UploadFile
from starlette.responses import Response

from server.api.place_import import FAULTS
from server.api.residents import REFUSED
from server.api.who import RESIDING, Allotting
from server.audit import Subject, record
from server.auth import Form, Person, field, require
from server.place_book import MOST_BYTES, MOST_ROWS, Book, read_book
from server.place_template import filled
from server.resident_plan import EXAMPLES, SHEET, make_plan
from server.residents import changing
from server.store import kept_sheets, place_views, resident_imports
from server.store.place_views import ComplexView
from server.store.resident_rows import NotPossible
from server.web.answers import house_of, page, see
from server.web.formats import zone_of
from server.web.languages import N_
from server.workbook import TYPE

router = APIRouter(prefix="/residents/import/{complex_id}")

_MOST_UPLOAD_BYTES = MOST_BYTES + 64 * 1024  # the file, and the form around it
_KEPT_FOR = timedelta(hours=1)
_USUAL = timedelta(days=365)
_SHOWN = 1_000
_one_at_a_time = asyncio.Semaphore(1)  # a large file costs a core for seconds
Uploading = Annotated[Person, Depends(require(*RESIDING, second_factor=True, most_bytes=_MOST_UPLOAD_BYTES))]
_FAULTS = {**FAULTS, **REFUSED, "bad_day": N_("这不是日期。请写成 2027-12-31。")}


async def _place(connection: AsyncConnection, person: Person, complex_id: str) -> ComplexView:
    """Raises HTTPException 404 where the person sees no such complex."""
    found = await place_views.complexes_of(connection, person.scope)
    one = next((view for view in found if view.id == complex_id), None)
    if one is None:
        raise HTTPException(404, "no such complex")
    return one


async def need_place(request: Request, person: Person, complex_id: str) -> ComplexView:
    async with house_of(request).db.read() as connection:
        return await _place(connection, person, complex_id)


@router.get("")
async def choose(request: Request, complex_id: str, person: Allotting) -> Response:
    """What to fill in, and where to send it."""
    place = await need_place(request, person, complex_id)
    return page(request, person, "resident_import.html", place=place, sheet=SHEET, most_rows=MOST_ROWS, plan=None)


@router.get("/template.xlsx")
async def get_template(request: Request, complex_id: str, person: Allotting) -> Response:
    """The headings, with two rows that show how."""
    await need_place(request, person, complex_id)
    headers = {"Content-Disposition": 'attachment; filename="gatehouse-residents.xlsx"'}
    body = await asyncio.to_thread(filled, (SHEET,), EXAMPLES)
    return Response(body, media_type=TYPE, headers=headers)


@router.post("")
async def upload(request: Request, complex_id: str, person: Uploading) -> Response:
    """Reads the workbook, keeps what it says for an hour, and shows what it would do. Changes nobody's rights."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    given = (await request.form(max_files=1, max_fields=50)).get("file")
    if not isinstance(given, UploadFile):
        raise HTTPException(422, "choose a file")
    async with _one_at_a_time:
        book = await asyncio.to_thread(read_book, await given.read(MOST_BYTES + 1), (SHEET,))
    async with house.db.write() as connection:
        await kept_sheets.RESIDENTS.keep(connection, person.id, complex_id, book, house.now())
        record(connection, person.actor, "residents.uploaded", house.now(), complex_id=complex_id)
    return await _preview(request, person, place, book)


async def _preview(
    request: Request, person: Person, place: ComplexView, book: Book, *, is_stale: bool = False
) -> Response:
    async with house_of(request).db.read() as connection:
        known = await resident_imports.known(connection, place.id)
    plan = await asyncio.to_thread(make_plan, book, known, _usual(request, place))
    context = {"plan": plan, "shown": plan.added[:_SHOWN], "most": _SHOWN, "faults": _FAULTS, "is_stale": is_stale}
    return page(request, person, "resident_import.html", place=place, sheet=SHEET, most_rows=MOST_ROWS, **context)


def _usual(request: Request, place: ComplexView) -> date:
    return house_of(request).now().astimezone(zone_of(place.timezone)).date() + _USUAL


@router.post("/confirm")
async def confirm(request: Request, complex_id: str, person: Allotting, form: Form) -> Response:
    """All of what was shown, or nothing: where something changed meanwhile, it is shown anew."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    digest, back = field(form, "digest", 64), f"/residents?complex={complex_id}"
    async with house.db.read() as connection:
        book = await kept_sheets.RESIDENTS.kept(connection, person.id, complex_id, house.now() - _KEPT_FOR)
    if book is None:
        return see(f"/residents/import/{complex_id}")
    try:
        on, told = Subject("complex", complex_id), {"digest": digest}
        change = changing(house, person.actor, complex_id, "residents.imported", on, details=told)
        async with change as (connection, by):
            known = await resident_imports.known(connection, complex_id)
            plan = await asyncio.to_thread(make_plan, book, known, _usual(request, place))
            if plan.faults or plan.digest != digest:
                raise _Stale
            await resident_imports.write(connection, by, plan, known)
            await kept_sheets.RESIDENTS.forget(connection, person.id)
    except (_Stale, NotPossible):
        return await _preview(request, person, place, book, is_stale=True)
    return see(back)


class _Stale(Exception):
    """What was confirmed is not what would be written now."""
