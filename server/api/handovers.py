"""The hand-over statement of a platform and day: offered, and what became of each; a page, a print, a workbook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from domain.feeds.statement import STATES, Line, Statement
from server.api.noted import note
from server.api.platforms import Looking, need
from server.audit import Subject
from server.store import handover_rows
from server.store.platform_rows import Platform
from server.web import titles
from server.web.answers import house_of, page
from server.web.formats import zone_of
from server.web.languages import N_, Language, translate
from server.web.sheets import Column, Row, as_download, sheet

router = APIRouter(prefix="/platforms/{id_}/days")

_COLUMNS = ("offered", *STATES)
_LAST = date(9000, 1, 1)


@router.get("/{day}")
async def statement(request: Request, id_: str, day: date, person: Looking) -> Response:
    """It adds up, or there is none."""
    one, made = await _of(request, id_, day)
    await note(request, person, "handover.seen", Subject("platform", id_), details={"day": f"{day}"})
    return page(request, person, "handover.html", one=one, day=day, made=made, columns=_COLUMNS)


@router.get("/{day}/statement.xlsx")
async def statement_sheet(request: Request, id_: str, day: date, person: Looking) -> Response:
    """The same as a workbook."""
    one, made = await _of(request, id_, day)
    told = {"day": f"{day}", "offered": made.total.offered}
    await note(request, person, "handover.sheet_taken", Subject("platform", id_), details=told)
    heads = [_word(person.lang, "handover_state", name) for name in _COLUMNS]
    columns = [Column(translate(person.lang, N_("数据类别"))), *(Column(head, "number") for head in heads)]
    columns.append(Column(translate(person.lang, N_("原因"))))
    file = await sheet(f"{one.name} {day}", columns, _rows(person.lang, made))
    return as_download(file, f"handover-{id_}-{day}.xlsx")


async def _of(request: Request, id_: str, day: date) -> tuple[Platform, Statement]:
    """Raises HTTPException 404. A day is the city's."""
    if not date(2000, 1, 1) < day < _LAST:
        raise HTTPException(404, "no such day")
    since = datetime.combine(day, time(), zone_of(None))
    async with house_of(request).db.read() as connection:
        one = await need(connection, id_)
        made = await handover_rows.of_day(connection, id_, f"{day}", since, since + timedelta(days=1))
    return one, made


async def _rows(lang: Language, made: Statement) -> AsyncIterator[Row]:
    for line in (*made.lines, made.total):
        yield _row(lang, line)
    for state, why, count in made.reasons:
        counts = [count if state == name else None for name in _COLUMNS]
        yield ["", *counts, _word(lang, "handover_reason", why)]


def _row(lang: Language, line: Line) -> Row:
    return [_word(lang, "data_class", line.data_class), *(getattr(line, name) for name in _COLUMNS), ""]


def _word(lang: Language, vocabulary: str, name: str) -> str:
    return translate(lang, titles.word(vocabulary, name))
