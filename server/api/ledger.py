"""The ledger to look at: balances of a month by account, what does not return to nothing, the journals behind."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.desk import need_complex
from server.api.who import Accounting
from server.store import ledger_rows, ledger_views, place_views
from server.web.answers import house_of, page
from server.web.formats import zone_of
from server.web.languages import translate
from server.web.ledger_sheet import workbook
from server.workbook import TYPE

router = APIRouter(prefix="/parking/ledger")

_PAGE = 100


@router.get("")
async def show(request: Request, person: Accounting, complex: str = "", month: str = "") -> Response:
    """Balances of a month; this one where none is named."""
    house = house_of(request)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        here = next((one for one in complexes if one.id == complex), complexes[0] if complexes else None)
        today = house.now().astimezone(zone_of(here.timezone if here else None)).date()
        first, last = month_of(month, today)
        found = await ledger_views.balances(connection, here.id, first, last) if here else []
        locked = await ledger_views.locked(connection, here.id, first, last) if here else []
        number, last_hash = await ledger_rows.end(connection, here.id) if here else (0, "")
    filters = {"complex": here.id if here else "", "month": first.strftime("%Y-%m")}
    context = {"balances": found, "locked": locked, "number": number, "hash": last_hash, "today": today}
    return page(request, person, "ledger.html", complexes=complexes, here=here, filters=filters, **context)


def month_of(text: str, today: date) -> tuple[date, date]:
    """The first and the last day of a month; of this one where the text names none."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        first = today.replace(day=1)
    first = first if 2000 <= first.year <= 2100 else today.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


@router.get("/{complex_id}/balances.xlsx")
async def sheet(request: Request, complex_id: str, person: Accounting, month: str = "") -> Response:
    """The same as a workbook."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await need_complex(connection, person, complex_id)
        first, last = month_of(month, house.now().astimezone(zone_of(place.timezone)).date())
        found = await ledger_views.balances(connection, complex_id, first, last)
    body = workbook(found, first.strftime("%Y-%m"), lambda text: translate(person.lang, text))
    name = f"gatehouse-ledger-{first:%Y-%m}.xlsx"
    return Response(body, media_type=TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/{complex_id}/{account}")
async def one(
    request: Request, complex_id: str, account: str, person: Accounting, month: str = "", before: int = 0
) -> Response:
    """What moved an account in a month: each journal with its lines, and where it came from."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await need_complex(connection, person, complex_id)
        first, last = month_of(month, house.now().astimezone(zone_of(place.timezone)).date())
        found = await ledger_views.entries(connection, complex_id, account, first, last, before, _PAGE + 1)
    shown = found[:_PAGE]
    older = shown[-1].booked.number if len(found) > _PAGE else 0
    context = {"account": account, "entries": shown, "older": older, "month": first.strftime("%Y-%m")}
    return page(request, person, "ledger_account.html", place=place, **context)
