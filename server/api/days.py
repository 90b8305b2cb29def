"""The days of a complex's money: a month of them, a day's report, its close by a second person, and workbooks."""

from __future__ import annotations

from calendar import Calendar
from datetime import date, timedelta

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.reconciliation import BadBill
from domain.reconciliation.items import in_order
from server.api.day_parts import day_in, need_place, today
from server.api.who import CLOSING, Accounting, Closing, Reconciling
from server.auth import Form, Person, field
from server.books import day_close
from server.books.reconciled import NotDone
from server.payments.taking import refused_for
from server.store import bill_rows, day_views, place_views, upload_rows
from server.store.day_diff import changes
from server.store.day_views import Report, Version
from server.web import day_tables
from server.web.answers import house_of, page, see
from server.web.day_words import why_not
from server.web.render import translator
from server.workbook import TYPE

router = APIRouter(prefix="/parking")

_MOST_OPEN = 500


@router.get("/days")
async def month(request: Request, person: Accounting, complex: str = "", month: str = "") -> Response:
    """A month of days, each with its state."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        if not complexes:
            return page(request, person, "days.html", place=None, weeks=[], complexes=[])
        place = next((one for one in complexes if one.id == complex), complexes[0])
        now = today(request, place)
        first = _month(month, now)
        days = [day for week in Calendar().monthdatescalendar(first.year, first.month) for day in week]
        states = await day_views.month(connection, place.id, days)
    weeks = [states[start : start + 7] for start in range(0, len(states), 7)]
    around = {"before": first - timedelta(days=1), "after": first + timedelta(days=31)}
    context = {"weeks": weeks, "first": first, "today": now, "complexes": complexes, **around}
    return page(request, person, "days.html", place=place, **context)


def _month(text: str, now: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return now.replace(day=1)


@router.get("/open")
async def open_items(request: Request, person: Accounting, complex: str = "") -> Response:
    """Every open item of the complexes in scope, the oldest first."""
    async with house_of(request).db.read() as connection:
        found = await day_views.open_items(connection, person.scope, complex, _MOST_OPEN)
        complexes = await place_views.complexes_of(connection, person.scope)
    now = house_of(request).now().date()
    aged = [(one, (now - date.fromisoformat(one.item.since)).days) for one in found]
    context = {"items": aged, "complexes": complexes, "filters": {"complex": complex}, "most": _MOST_OPEN}
    return page(request, person, "open_items.html", **context)


@router.get("/open.xlsx")
async def open_book(request: Request, person: Accounting, complex: str = "") -> Response:
    """The same as a workbook."""
    async with house_of(request).db.read() as connection:
        found = await day_views.open_items(connection, person.scope, complex, 100_000)
    body = await day_tables.open_book(found, house_of(request).now().date(), translator(person.lang))
    return _book(body, "gatehouse-open-items.xlsx")


def _book(body: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=TYPE, headers=headers)


@router.get("/days/{complex_id}/{day}")
async def show(request: Request, complex_id: str, day: str, person: Accounting, version: int = 0) -> Response:
    """A day: its sums, its items, who did what, and whether it is closed."""
    return await _show(request, person, complex_id, day_in(day), version)


async def _show(
    request: Request, person: Person, complex_id: str, day: date, version: int = 0, refused: str = ""
) -> Response:
    place, house = await need_place(request, person, complex_id), house_of(request)
    async with house.db.read() as connection:
        versions = await day_views.versions(connection, complex_id, f"{day}")
        chosen = next((one for one in versions if one.version == version), versions[0] if versions else None)
        report = await day_views.report(connection, complex_id, f"{day}", chosen.version) if chosen else None
        closings = await day_views.closings(connection, complex_id, f"{day}")
        uploads = await upload_rows.of_day(connection, complex_id, f"{day}")
        locked = await day_views.lock(connection, complex_id, f"{day}")
        hindered = await day_close.hindrances(connection, complex_id, day, house.now())
        mine = await bill_rows.closed_some(connection, complex_id, f"{day}", person.username)
        stays = await day_views.sessions_of(connection, complex_id, report.open if report else [])
        older = await _older(connection, complex_id, day, versions, chosen)
        refused_bills = await refused_for(connection, house.desk.calls.merchants, complex_id, f"{day}")
    items = in_order(report.items) if report else []
    is_mine = bool(mine) or (bool(versions) and versions[0].made_by == person.username)
    context = {"versions": versions, "chosen": chosen, "report": report, "closings": closings, "uploads": uploads}
    context |= {"locked": locked, "hindered": hindered, "is_mine": is_mine, "stays": stays, "refused": refused}
    late = [one for one in hindered if one.word == "provisional"]
    context |= {"late": late, "hard": len(hindered) - len(late), "refused_bills": refused_bills}
    context |= {"open_items": [one for one in items if one.is_open], "may_close": person.may(*CLOSING)}
    context |= {"closed_items": [one for one in items if not one.is_open]}
    context |= {"changes": changes(older, report) if older and report else []}
    answer = page(request, person, "day.html", place=place, day=day, why_not=why_not, **context)
    answer.status_code = 409 if refused else 200
    return answer


async def _older(
    connection: AsyncConnection, complex_id: str, day: date, versions: list[Version], chosen: Version | None
) -> Report | None:
    """The version that was signed, or else the one before, of one that is newer."""
    below = [one for one in versions if chosen is not None and one.version < chosen.version]
    signed = next((one for one in below if one.signed_at), below[0] if below else None)
    return None if signed is None else await day_views.report(connection, complex_id, f"{day}", signed.version)


@router.get("/days/{complex_id}/{day}/day.xlsx")
async def book(request: Request, complex_id: str, day: str, person: Accounting, version: int = 0) -> Response:
    """Every table of a day as a workbook."""
    await need_place(request, person, complex_id)
    on = day_in(day)
    async with house_of(request).db.read() as connection:
        versions = await day_views.versions(connection, complex_id, f"{on}")
        chosen = next((one for one in versions if one.version == version), versions[0] if versions else None)
        if chosen is None:
            raise HTTPException(404, "no report of this day")
        report = await day_views.report(connection, complex_id, f"{on}", chosen.version)
        closings = await day_views.closings(connection, complex_id, f"{on}")
        uploads = await upload_rows.of_day(connection, complex_id, f"{on}")
        lines = await day_views.journals(connection, complex_id, f"{on}", 100_000)
    if report is None:
        raise HTTPException(404, "no report of this day")
    body = await day_tables.day_book(report, versions, closings, uploads, lines, translator(person.lang))
    return _book(body, f"gatehouse-{complex_id}-{on}.xlsx")


@router.post("/days/{complex_id}/{day}/reconcile")
async def reconcile(request: Request, complex_id: str, day: str, person: Reconciling) -> Response:
    """Holds what was given against what our tables say, and keeps the report."""
    await need_place(request, person, complex_id)
    on, house = day_in(day), house_of(request)
    try:
        await day_close.reconcile_day(house.db, complex_id, on, person.actor, house.now())
    except (NotDone, BadBill) as error:
        return await _show(request, person, complex_id, on, refused=str(error))
    return see(f"/parking/days/{complex_id}/{on}")


@router.post("/days/{complex_id}/{day}/sign")
async def sign(request: Request, complex_id: str, day: str, person: Closing, form: Form) -> Response:
    """Closes a day: its report is frozen, its bills are booked, and nothing is booked on it any more.

    ``why``: though gateways have not told all of it yet.
    """
    await need_place(request, person, complex_id)
    on, house = day_in(day), house_of(request)
    try:
        why = field(form, "why", 300)
        await day_close.sign_day(house.db, complex_id, on, person.actor, house.now(), why)
    except (NotDone, BadBill) as error:
        return await _show(request, person, complex_id, on, refused=str(error))
    return see(f"/parking/days/{complex_id}/{on}")
