"""What parking cost: charges by day, with their sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.who import Accounting
from server.store import parking_views, place_views, reader_rows
from server.store.engine import stamp
from server.store.parking_views import ChargeFilter, ChargeView
from server.store.place_views import ComplexView
from server.web.answers import house_of, page
from server.web.formats import zone_of

router = APIRouter()

_PAGE = 50


@router.get("/parking/charges")
async def charges(
    request: Request, person: Accounting, since: str = "", until: str = "", complex: str = "", before: str = ""
) -> Response:
    """Charges of stays that ended between two days, both included; this month where none is named."""
    house = house_of(request)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        zone = _zone(complexes, complex)
        first, last = _days(since, until, house.now().astimezone(zone_of(zone)).date())
        chosen = ChargeFilter(
            _midnight(first, zone), _midnight(last + timedelta(days=1), zone), complex, _before(before)
        )
        found = await parking_views.charges(connection, person.scope, chosen, _PAGE + 1)
        aside = await reader_rows.were_set_aside(connection, person.scope, "charges")
        totals = await parking_views.totals(connection, person.scope, chosen)
    shown = found[:_PAGE]
    older = _cursor(shown[-1]) if len(found) > _PAGE else None
    filters = {"since": first.isoformat(), "until": last.isoformat(), "complex": complex}
    context = {"charges": shown, "older": older, "totals": totals, "complexes": complexes, "filters": filters}
    return page(request, person, "charges.html", aside=aside, **context)


def _zone(complexes: Sequence[ComplexView], chosen: str) -> str:
    """Whose midnight a day begins at: the chosen complex's, else the first one's."""
    zones = {place.id: place.timezone for place in complexes}
    return zones.get(chosen) or next(iter(zones.values()), "")


def _days(since: str, until: str, today: date) -> tuple[date, date]:
    """The days asked for; from the first of this month, to today, where they are none."""
    first = _day(since) or today.replace(day=1)
    last = _day(until) or max(today, first)
    return (first, last) if first <= last else (last, first)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def _midnight(day: date, zone: str) -> str:
    return stamp(datetime.combine(day, time(), zone_of(zone)))


def _cursor(charge: ChargeView) -> str:
    return f"{stamp(charge.exited_at)}~{charge.number}"


def _before(text: str) -> tuple[str, int] | None:
    at, _, number = text.partition("~")
    return (at, int(number)) if number.isdecimal() and len(number) < 19 else None
