"""How it stands in an area: online, open, overdue, how soon taken, what fails; on a page and as a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from server.api.alert_words import Word
from server.api.noted import note
from server.api.sheet_parts import Heads
from server.api.who import WATCHING, Overseeing
from server.auth import Person
from server.overview import DEVICES_AT_LEAST, FAULTS, GATEWAYS_AT_LEAST, TAKEN, Line, Overview, overview, seen_areas
from server.store.area_views import AreaView
from server.store.device_names import names_of
from server.store.overview_rows import Where
from server.web import titles
from server.web.alert_titles import rule_title
from server.web.answers import house_of, page
from server.web.languages import N_, Language, translate
from server.web.sheets import Column, Row, as_download, sheet

router = APIRouter()

_PAGE = 100
_MOST_SKIP = 100_000
_HEADS: Heads = (
    (N_("层级"), "text"),
    (N_("名称"), "text"),
    (N_("小区数"), "number"),
    (N_("网关在线率 %"), "text"),
    (N_("设备在线率 %"), "text"),
    (N_("待接手"), "number"),
    (N_("处理中"), "number"),
    (N_("超时"), "number"),
    (N_("到顶没人接"), "number"),
    (N_("接手用时 p90（秒）"), "number"),
    (N_("7 天设备故障"), "number"),
    (N_("最多的故障"), "text"),
    (N_("编号"), "text"),
)


class AskedFor(BaseModel):
    """Which area; empty: all that the person sees."""

    area: Word = ""
    skip: Annotated[int, Field(ge=0, le=_MOST_SKIP)] = 0


@router.get("/overview")
async def overview_page(request: Request, person: Overseeing, asked: Annotated[AskedFor, Query()]) -> Response:
    """Sums of what lies below, then complex by complex, the worst first."""
    found, areas = await _found(request, person, asked.area)
    async with house_of(request).db.read() as connection:
        called = await names_of(connection, {(one.complex, one.device) for one in found.devices})
    shown = found.complexes[asked.skip : asked.skip + _PAGE]
    more = len(found.complexes) > asked.skip + _PAGE
    paging = {"area": asked.area, "skip": asked.skip, "page_size": _PAGE, "is_more": more}
    bounds = {"gateways_at_least": GATEWAYS_AT_LEAST, "devices_at_least": DEVICES_AT_LEAST}
    spans = {"fault_days": FAULTS.days, "taken_days": TAKEN.days}
    above = _line(asked.area, areas)
    context = {
        "found": found,
        "called": called,
        "complexes": shown,
        "above": above,
        "is_watching": person.may(*WATCHING),
    }
    return page(request, person, "overview.html", **context, **paging, **bounds, **spans)


@router.get("/overview.xlsx")
async def overview_sheet(request: Request, person: Overseeing, asked: Annotated[AskedFor, Query()]) -> Response:
    """The same as a workbook: all of it, the areas right below, every complex."""
    await note(request, person, "sheet.taken", details={"sheet": "overview", "area": asked.area})
    found, _ = await _found(request, person, asked.area)
    columns = [Column(translate(person.lang, title), kind) for title, kind in _HEADS]
    file = await sheet(translate(person.lang, N_("总览")), columns, _rows(found, person.lang))
    return as_download(file, "gatehouse-overview.xlsx")


async def _found(request: Request, person: Person, area: str) -> tuple[Overview, Sequence[AreaView]]:
    """Raises HTTPException 404 for an area of which the person sees nothing."""
    where, house = Where(person.scope, area), house_of(request)
    async with house.db.read() as connection:
        areas = await seen_areas(connection, where)
        if area not in ("", "-") and area not in {one.id for one in areas}:
            raise HTTPException(404, "no such area")
        return await overview(connection, where, areas, house.now()), areas


def _line(area: str, areas: Sequence[AreaView]) -> list[AreaView]:
    """An area and what it lies in, the widest first."""
    named, found = {one.id: one for one in areas}, list[AreaView]()
    while area in named and named[area] not in found:
        found.insert(0, named[area])
        area = named[area].parent or ""
    return found


def _rows(found: Overview, lang: Language) -> Iterator[Row]:
    for line in (found.whole, *found.areas, *found.complexes):
        yield _row(line, lang)


def _row(line: Line, lang: Language) -> Row:
    kind = translate(lang, titles.word("overview_kind", line.kind or "whole"))
    online = [_percent(share) for share in (line.online.gateways, line.online.devices)]
    goes_on = (line.matters.open, line.matters.taken, line.matters.overdue, line.matters.at_top)
    top = line.top_fault
    worst = f"{translate(lang, rule_title(top[0]))} × {top[1]}" if top else ""
    return (kind, line.name, line.complexes, *online, *goes_on, line.p90_s, sum(line.faults.values()), worst, line.id)


def _percent(share: float | None) -> str | None:
    """Cut, not rounded: 97.96 is not 98."""
    return None if share is None else f"{int(share * 1_000) / 10:.1f}"
