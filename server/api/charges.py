"""What parking cost: charges by day, with their sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from server.api.who import Accounting
from server.auth import Person
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
        chosen, complexes, (first, last) = await chosen_charges(
            request, connection, person, since, until, complex, before
        )
        found = await parking_views.charges(connection, person.scope, chosen, _PAGE + 1)
        aside = await reader_rows.were_set_aside(connection, person.scope, "charges")
        totals = await parking_views.totals(connection, person.scope, chosen)
    shown = found[:_PAGE]
    older = _cursor(shown[-1]) if len(found) > _PAGE else None
    filters = {"since": first.isoformat(), "until": last.isoformat(), "complex": complex}
    context = {"charges": shown, "older": older, "totals": totals, "complexes": complexes, "filters": filters}
    return page(request, person, "charges.html", aside=aside, **context)


async def chosen_charges(
    request: Request, connection: AsyncConnection, person: Person, since: str, until: str, complex_id: str, before: str
) -> tuple[ChargeFilter, list[ComplexView], tuple[date, date]]:
    """The filter that a page's fields say, the complexes to choose from, and the days."""
    complexes = await place_views.complexes_of(connection, person.scope)
    zone = zone_in(complexes, complex_id)
    first, last = days_of(since, until, house_of(request).now().astimezone(zone_of(zone)).date())
    ends = (midnight(first, zone), midnight(last + timedelta(days=1), zone))
    return ChargeFilter(*ends, complex_id, _before(before)), complexes, (first, last)


def zone_in(complexes: Sequence[ComplexView], chosen: str) -> str:
    """Whose midnight a day begins at: the chosen complex's, else the first one's."""
    zones = {place.id: place.timezone for place in complexes}
    return zones.get(chosen) or next(iter(zones.values()), "")


def days_of(since: str, until: str, today: date) -> tuple[date, date]:
    """The days asked for; from the first of this month, to today, where they are none."""
    first = day_in(since) or today.replace(day=1)
    last = day_in(until) or max(today, first)
    return (first, last) if first <= last else (last, first)


def day_in(text: str) -> date | None:
    """A day of this century; None for what is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def midnight(day: date, zone: str) -> str:
    return stamp(datetime.combine(day, time(), zone_of(zone)))


def _cursor(charge: ChargeView) -> str:
    return f"{stamp(charge.exited_at)}~{charge.number}"


def _before(text: str) -> tuple[str, int] | None:
    at, _, number = text.partition("~")
    return (at, int(number)) if number.isdecimal() and len(number) < 19 else None
