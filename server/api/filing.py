"""The filing sheet of a complex's devices, on a page that is printed, and as a workbook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from domain.feeds.filing import Filed, filed
from server.api.day_parts import need_place
from server.api.noted import note
from server.audit import Subject
from server.auth import Person, require
from server.store import device_lists, place_views
from server.web import titles
from server.web.answers import house_of, page
from server.web.languages import N_, Language, translate
from server.web.sheets import Column, Row, as_download, sheet

router = APIRouter(prefix="/filing")

Filing = Annotated[Person, Depends(require("operator", "security_officer"))]
_HEADS = (N_("编号"), N_("名称"), N_("种类"), N_("位置"), N_("用途"))


@router.get("")
async def choose(request: Request, person: Filing) -> Response:
    """Of which complex."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    return page(request, person, "filing_choose.html", complexes=complexes)


@router.get("/{complex_id}")
async def filing(request: Request, complex_id: str, person: Filing) -> Response:
    """The sheet as it is today."""
    place = await need_place(request, person, complex_id)
    lines = await _lines(request, complex_id)
    await note(request, person, "filing.seen", Subject("complex", complex_id), complex_id)
    return page(request, person, "filing.html", place=place, lines=lines)


@router.get("/{complex_id}/filing.xlsx")
async def filing_sheet(request: Request, complex_id: str, person: Filing) -> Response:
    """The same as a workbook."""
    place = await need_place(request, person, complex_id)
    lines = await _lines(request, complex_id)
    await note(request, person, "filing.sheet_taken", Subject("complex", complex_id), complex_id)
    columns = [*(Column(translate(person.lang, head)) for head in _HEADS)]
    columns.append(Column(translate(person.lang, N_("保存天数")), "number"))
    file = await sheet(place.name or place.id, columns, _rows(person.lang, lines))
    return as_download(file, f"filing-{complex_id}.xlsx")


async def _lines(request: Request, complex_id: str) -> list[Filed]:
    house = house_of(request)
    async with house.db.read() as connection:
        listed = await device_lists.current(connection, complex_id)
    return filed(listed.devices, house.config.retention)


async def _rows(lang: Language, lines: Sequence[Filed]) -> AsyncIterator[Row]:
    for one in lines:
        yield [one.id, one.name, one.kind, one.place, translate(lang, titles.word("filing_use", one.use)), one.days]
