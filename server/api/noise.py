"""Noise: how often each source told something, how often people said that there was nothing, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.alerts.noise import FALSE_AT_LEAST, JUDGED_AT_LEAST, WITHIN, ends_at, noisy
from server.api.alert_words import Word
from server.api.noted import note
from server.api.sheet_parts import Asked, Heads, local
from server.api.who import ANSWERING, Watching
from server.store import area_views, noise_views, place_views, silence_rows
from server.store.device_names import names_of
from server.store.noise_views import Sort, SourceFilter, SourceView
from server.web import sheets
from server.web.alert_titles import rule_title
from server.web.answers import house_of, page
from server.web.languages import N_, translate
from server.web.sheets import Column, Row, as_download, sheet

router = APIRouter()

_PAGE, _AT_ONCE = 50, 500
_MOST_SKIP = 100_000
_HEADS: Heads = (
    (N_("小区"), "text"),
    (N_("设备"), "text"),
    (N_("报警"), "text"),
    (N_("7 天报警"), "number"),
    (N_("7 天已判断"), "number"),
    (N_("7 天误报"), "number"),
    (N_("7 天误报率 %"), "number"),
    (N_("30 天报警"), "number"),
    (N_("30 天已判断"), "number"),
    (N_("30 天误报"), "number"),
    (N_("30 天误报率 %"), "number"),
    (N_("降级从"), "time"),
    (N_("降级到"), "time"),
    (N_("设备名称"), "text"),
)


class AskedFor(BaseModel):
    """Which sources, and in which order."""

    complex: Word = ""
    area: Word = ""
    sort: Sort = "false"
    skip: Annotated[int, Field(ge=0, le=_MOST_SKIP)] = 0

    def filter(self, now: datetime) -> SourceFilter:
        return SourceFilter(now, self.complex, self.area, self.sort)

    @property
    def said(self) -> dict[str, str]:
        """What of it stands in links."""
        return {name: str(word) for name, word in self if word and name != "skip"}


class Line(NamedTuple):
    """A source, what its device is called, and from when until when it is taken a step less serious; until then, if
    nobody judges it meanwhile."""

    of: SourceView
    name: str | None
    since: datetime | None
    until: datetime | None


async def lines(connection: AsyncConnection, found: Sequence[SourceView], now: datetime) -> list[Line]:
    """Sources with what people's judgements of two weeks came to."""
    judged = await silence_rows.judged_at(connection, {one.source for one in found}, now)
    notices = noisy(judged, now)
    ends = {source: ends_at(source, judged, now) for source in notices}
    sinces = {source: notice.since for source, notice in notices.items()}
    names = await names_of(connection, {(one.complex, one.device) for one in found})
    named = [(one, names.get((one.complex, one.device))) for one in found]
    return [Line(one, name, sinces.get(one.source), ends.get(one.source)) for one, name in named]


@router.get("/alerts/noise")
async def noise(request: Request, person: Watching, asked: Annotated[AskedFor, Query()]) -> Response:
    """Sources of 30 days, the most often false first."""
    house = house_of(request)
    async with house.db.read() as connection:
        which = asked.filter(house.now())
        found = await noise_views.sources(connection, person.scope, which, asked.skip, _PAGE + 1)
        shown = await lines(connection, found[:_PAGE], house.now())
        areas = await area_views.areas(connection, person.scope)
        complexes = await place_views.complexes_of(connection, person.scope)
    places = {"complexes": complexes, "areas": [one for one in areas if one.complexes]}
    bounds = {"days": WITHIN.days, "least": JUDGED_AT_LEAST, "percent_least": round(100 * FALSE_AT_LEAST)}
    paging = {"skip": asked.skip, "page_size": _PAGE, "is_more": len(found) > _PAGE}
    may_silence = person.may(*ANSWERING, "committee")
    said = {"said": asked.said, "filters": dict(asked), "may_silence": may_silence}
    return page(request, person, "noise.html", lines=shown, **places, **bounds, **paging, **said)


@router.get("/alerts/noise.xlsx")
async def noise_sheet(request: Request, person: Watching, asked: Annotated[AskedFor, Query()]) -> Response:
    """The same as a workbook, all of it."""
    await note(request, person, "sheet.taken", details={"sheet": "noise", **asked.said})
    columns = [Column(translate(person.lang, title), kind) for title, kind in _HEADS]
    house = house_of(request)
    async with house.db.read() as connection:
        rows = _rows(Asked(request, connection, person), asked.filter(house.now()))
        file = await sheet(translate(person.lang, N_("误报统计")), columns, rows)
    return as_download(file, "gatehouse-noise.xlsx")


async def _rows(asked: Asked, which: SourceFilter) -> AsyncIterator[Row]:
    """Read at once, one more than a sheet holds: the sums of a second look would not be those of the first."""
    found = await noise_views.sources(asked.connection, asked.person.scope, which, 0, sheets.MOST_ROWS + 1)
    for start in range(0, len(found), _AT_ONCE):
        for one in await lines(asked.connection, found[start : start + _AT_ONCE], which.now):
            yield _row(asked, one)


def _row(asked: Asked, line: Line) -> Row:
    of = line.of
    what = (of.complex_name or of.complex, of.device, translate(asked.person.lang, rule_title(of.rule)))
    week = (of.week, of.judged_week, of.false_week, of.percent_week)
    month = (of.month, of.judged_month, of.false_month, of.percent_month)
    spans = (local(line.since, of.timezone), local(line.until, of.timezone))
    return (*what, *week, *month, *spans, asked.device_title(of.device, line.name))
