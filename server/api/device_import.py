"""The sheet of a complex's devices: out as a workbook, and in with a preview; nothing is written before a person's
word, and then all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import UploadFile
from starlette.responses import Response

from domain.desired_bodies import Device
from server.api.devices import REFUSED, WRONG
from server.api.place_import import FAULTS
from server.api.resident_import import need_place
from server.api.who import EQUIPPING, Equipping, Overseeing
from server.audit import record
from server.auth import Form, Person, field, require
from server.device_plan import Plan, make_plan
from server.device_sheet import SHEET, workbook
from server.devices import change
from server.place_book import MOST_BYTES, Book, read_book
from server.store import device_lists, device_views, kept_sheets
from server.store.device_lists import DeviceList
from server.store.place_views import ComplexView
from server.store.resident_rows import NotPossible
from server.web.answers import house_of, page, see
from server.workbook import TYPE

router = APIRouter(prefix="/complexes/{complex_id}/devices")

_MOST_UPLOAD_BYTES = MOST_BYTES + 64 * 1024  # the file, and the form around it
_KEPT_FOR = timedelta(hours=1)
_SHOWN = 1_000
_one_at_a_time = asyncio.Semaphore(1)  # a large file costs a core for seconds
Uploading = Annotated[Person, Depends(require(*EQUIPPING, second_factor=True, most_bytes=_MOST_UPLOAD_BYTES))]
_FAULTS = {**FAULTS, **REFUSED, **WRONG}


@router.get("/sheet.xlsx")
async def sheet(request: Request, complex_id: str, person: Overseeing) -> Response:
    """The present list, to be changed and sent back."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    async with house.db.write() as connection:
        listed = await device_lists.current(connection, complex_id)
        kinds = await device_views.kinds(connection, complex_id)
        record(connection, person.actor, "devices.exported", house.now(), complex_id=complex_id)
    body = await _workbook(listed.devices, kinds, person, with_examples=False)
    return _as_file(body, f"gatehouse-devices-{_plain(place.id)}.xlsx")


@router.get("/import/template.xlsx")
async def get_template(request: Request, complex_id: str, person: Equipping) -> Response:
    """The headings alone; how to fill them in, with examples, on the second sheet."""
    await need_place(request, person, complex_id)
    async with house_of(request).db.read() as connection:
        kinds = await device_views.kinds(connection, complex_id)
    return _as_file(await _workbook((), kinds, person, with_examples=True), "gatehouse-devices.xlsx")


async def _workbook(devices: Sequence[Device], kinds: dict[str, str], person: Person, *, with_examples: bool) -> bytes:
    is_english = person.lang == "en"
    return await asyncio.to_thread(workbook, devices, kinds, is_english=is_english, with_examples=with_examples)


def _as_file(body: bytes, name: str) -> Response:
    return Response(body, media_type=TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _plain(text: str) -> str:
    """What stands in a header as it is."""
    return "".join(sign for sign in text if sign.isascii() and (sign.isalnum() or sign in "-_."))


@router.get("/import")
async def choose(request: Request, complex_id: str, person: Equipping) -> Response:
    """Where to send a sheet, and how it is to be filled in."""
    place = await need_place(request, person, complex_id)
    return page(request, person, "device_import.html", place=place, sheet=SHEET, plan=None, may_equip=True)


@router.post("/import")
async def upload(request: Request, complex_id: str, person: Uploading) -> Response:
    """Reads the sheet, keeps what it says for an hour, and shows what it would do. Changes no list."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    form = await request.form(max_files=1, max_fields=50)
    given = form.get("file")
    if not isinstance(given, UploadFile):
        raise HTTPException(422, "choose a file")
    async with _one_at_a_time:
        book = await asyncio.to_thread(read_book, await given.read(MOST_BYTES + 1), (SHEET,))
    async with house.db.write() as connection:
        await kept_sheets.DEVICES.keep(connection, person.id, complex_id, book, house.now())
        record(connection, person.actor, "devices.uploaded", house.now(), complex_id=complex_id)
    return await _preview(request, person, place, book, is_whole=bool(field(form, "whole", 8)))


async def _preview(
    request: Request, person: Person, place: ComplexView, book: Book, *, is_whole: bool, is_stale: bool = False
) -> Response:
    async with house_of(request).db.read() as connection:
        listed = await device_lists.current(connection, place.id)
        plan = await _plan(connection, place.id, book, listed, is_whole=is_whole)
    headings = {column.key: column.heading for column in SHEET.columns}
    context = {"plan": plan, "shown": plan.shown[:_SHOWN], "most": _SHOWN, "faults": _FAULTS, "is_stale": is_stale}
    context |= {"headings": headings, "is_english": person.lang == "en", "may_equip": True}
    return page(request, person, "device_import.html", place=place, sheet=SHEET, **context)


async def _plan(
    connection: AsyncConnection, complex_id: str, book: Book, listed: DeviceList, *, is_whole: bool
) -> Plan:
    kinds = await device_views.kinds(connection, complex_id)
    return await asyncio.to_thread(make_plan, book, listed.devices, kinds, is_whole=is_whole)


@router.post("/import/confirm")
async def confirm(request: Request, complex_id: str, person: Equipping, form: Form) -> Response:
    """All of what was shown, or nothing: where something changed meanwhile, it is shown anew."""
    house, place = house_of(request), await need_place(request, person, complex_id)
    digest, is_whole, base = field(form, "digest", 64), bool(field(form, "whole", 8)), f"/complexes/{place.id}/devices"
    async with house.db.read() as connection:
        book = await kept_sheets.DEVICES.kept(connection, person.id, complex_id, house.now() - _KEPT_FOR)
    if book is None:
        return see(f"{base}/import")

    async def work(connection: AsyncConnection, before: DeviceList) -> Sequence[Device]:
        plan = await _plan(connection, complex_id, book, before, is_whole=is_whole)
        if plan.faults or plan.digest != digest:
            raise _Stale
        await kept_sheets.DEVICES.forget(connection, person.id)
        return plan.wanted

    try:
        version = await change(house, person.actor, complex_id, "devices.imported", work, details={"digest": digest})
    except (_Stale, NotPossible):
        return await _preview(request, person, place, book, is_whole=is_whole, is_stale=True)
    return see(f"{base}?undo={version}" if version else base)


class _Stale(Exception):
    """What was confirmed is not what would be written now."""
