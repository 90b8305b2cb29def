"""All alerts that were: chosen by what an address says, so that it can be sent to a colleague; on a page and as a
workbook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.alerts.words import CATEGORIES, SEVERITIES
from server.api.alert_words import Word
from server.api.charges import day_in, midnight, zone_in
from server.api.noted import note
from server.api.sheet_parts import Asked, Heads, local
from server.api.who import Watching
from server.auth import Person
from server.store import alert_views, area_views, place_views
from server.store.alert_views import STATUSES, AlertFilter, AlertView
from server.store.area_views import AreaView
from server.store.engine import stamp
from server.store.place_views import ComplexView
from server.web import sheets
from server.web.alert_titles import RULES, rule_title
from server.web.answers import house_of, page
from server.web.formats import DEFAULT_ZONE, masked_words
from server.web.languages import N_, translate
from server.web.sheets import Column, Row, as_download, sheet

router = APIRouter()

_PAGE, _AT_ONCE = 50, 500
_HEADS: Heads = (
    (N_("小区"), "text"),
    (N_("报警"), "text"),
    (N_("级别"), "text"),
    (N_("类别"), "text"),
    (N_("地点"), "text"),
    (N_("设备"), "text"),
    (N_("发生"), "time"),
    (N_("到达"), "time"),
    (N_("状态"), "text"),
    (N_("谁处理的"), "text"),
    (N_("处理时间"), "time"),
    (N_("说明"), "text"),
    (N_("设备名称"), "text"),
    (N_("编号"), "text"),
)


class AskedFor(BaseModel):
    """Which alerts; empty: all. ``since`` and ``until`` are days by the complex's clock, both included."""

    status: Word = ""
    severity: Word = ""
    category: Word = ""
    rule: Word = ""
    device: Word = ""
    area: Word = ""
    complex: Word = ""
    lateness: Word = ""
    since: Word = ""
    until: Word = ""
    before: Word = ""

    @property
    def said(self) -> dict[str, str]:
        """What of it stands in links."""
        return {name: word for name, word in self if word and name != "before"}


class Choices(NamedTuple):
    """What there is to choose from, and by whose clock days are meant."""

    complexes: Sequence[ComplexView]
    areas: Sequence[AreaView]
    zone: str


async def _choices(connection: AsyncConnection, person: Person, asked: AskedFor) -> Choices:
    complexes = await place_views.complexes_of(connection, person.scope)
    areas = [one for one in await area_views.areas(connection, person.scope) if one.complexes]
    return Choices(complexes, areas, zone_in(complexes, asked.complex) or DEFAULT_ZONE)


def chosen(asked: AskedFor, zone: str) -> AlertFilter:
    """The filter that an address says."""
    same = {name: getattr(asked, name).strip() for name in ("severity", "category", "rule", "device")}
    places = {name: getattr(asked, name) for name in ("area", "complex", "lateness")}
    statuses = (asked.status,) if asked.status in STATUSES else ()
    return AlertFilter(statuses, **same, **places, before=_before(asked.before), happened=_happened(asked, zone))


def _happened(asked: AskedFor, zone: str) -> tuple[str, str] | None:
    """From the midnight before the first day to that behind the last; a day that is none bounds nothing."""
    days = [day_in(asked.since), day_in(asked.until)]
    if days[0] and days[1] and days[0] > days[1]:
        days.reverse()
    first, last = days
    if not (first or last):
        return None
    return (midnight(first, zone) if first else "", midnight(last + timedelta(days=1), zone) if last else "~")


def _before(text: str) -> tuple[str, str] | None:
    at, mark, identity = text.partition("~")
    return (at, identity) if mark else None


@router.get("/alerts")
async def history(request: Request, person: Watching, asked: Annotated[AskedFor, Query()]) -> Response:
    """Alerts of all times, the latest to arrive first."""
    async with house_of(request).db.read() as connection:
        choices = await _choices(connection, person, asked)
        views = await alert_views.page(connection, person.scope, chosen(asked, choices.zone), _PAGE + 1)
    shown = views[:_PAGE]
    older = f"{stamp(shown[-1].received_at)}~{shown[-1].id}" if len(views) > _PAGE else None
    fields = dict(asked)
    context = {"said": asked.said, "filters": fields, "rules": _rules(asked.rule), "statuses": STATUSES}
    context |= {"severities": SEVERITIES, "categories": CATEGORIES, **choices._asdict()}
    return page(request, person, "history.html", alerts=shown, older=older, **context)


def _rules(asked: str) -> list[str]:
    """The built-in ones; of a complex's own, the one that is asked for."""
    return [*RULES, asked] if asked and asked not in RULES else list(RULES)


@router.get("/alerts.xlsx")
async def history_sheet(request: Request, person: Watching, asked: Annotated[AskedFor, Query()]) -> Response:
    """The same as a workbook; the plates and long numbers in people's words are masked."""
    await note(request, person, "sheet.taken", details={"sheet": "alerts", **asked.said})
    columns = [Column(translate(person.lang, title), kind) for title, kind in _HEADS]
    async with house_of(request).db.read() as connection:
        choices = await _choices(connection, person, asked)
        rows = _rows(Asked(request, connection, person), chosen(asked, choices.zone))
        file = await sheet(translate(person.lang, N_("全部报警")), columns, rows)
    return as_download(file, "gatehouse-alerts.xlsx")


async def _rows(asked: Asked, which: AlertFilter) -> AsyncIterator[Row]:
    """One more than a sheet holds, so that a sheet that is cut says so."""
    for _ in range(0, sheets.MOST_ROWS + 1, _AT_ONCE):
        found = await alert_views.page(asked.connection, asked.person.scope, which, _AT_ONCE)
        for one in found:
            yield _row(asked, one)
        if len(found) < _AT_ONCE:
            return
        which = replace(which, before=(stamp(found[-1].received_at), found[-1].id))


def _row(asked: Asked, one: AlertView) -> Row:
    kind = (translate(asked.person.lang, rule_title(one.rule)), asked.word("severity", one.severity))
    times = (local(one.occurred_at, one.timezone), local(one.received_at, one.timezone))
    done = (asked.word("status", one.status), one.actor, local(one.acted_at, one.timezone))
    where = (one.place or one.point or "", one.device)
    said = masked_words(one.note) if one.note else ""
    return (
        one.complex_name or one.complex,
        *kind,
        asked.word("category", one.category),
        *where,
        *times,
        *done,
        said,
        asked.device_title(one.device, one.device_name),
        one.id,
    )
