"""Openings by hand: who let cars through, for which reasons, how often against all that passed, and who stands out."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.openings import Opened, tallies
from server.api.charges import days_of, midnight, zone_in
from server.api.who import Accounting
from server.store import opening_views, place_views
from server.store.opening_views import Opening, Period
from server.web.answers import house_of, page
from server.web.formats import zone_of

router = APIRouter()

_SHOWN = 50


@router.get("/parking/openings")
async def openings(
    request: Request, person: Accounting, since: str = "", until: str = "", complex: str = "", by: str = "*"
) -> Response:
    """By person, of some days, held against as many days before; the latest with their pictures."""
    house = house_of(request)
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        zone = zone_in(complexes, complex)
        first, last = days_of(since, until, house.now().astimezone(zone_of(zone)).date())
        end = last + timedelta(days=1)
        now = Period(midnight(first, zone), midnight(end, zone), complex)
        before = Period(midnight(first - (end - first), zone), now.since, complex)
        made = await opening_views.openings(connection, person.scope, now)
        earlier = await opening_views.openings(connection, person.scope, before)
        passed = await opening_views.passages(connection, person.scope, now)
        said = await opening_views.corrections(connection, person.scope, now)
        shown = [one for one in made if by in ("*", one.by)][:_SHOWN]
        pictures = await _pictures(connection, shown)
    counted = tallies(_counted(made, zone), _counted(earlier, zone), passed)
    filters = {"since": first.isoformat(), "until": last.isoformat(), "complex": complex}
    context = {"tallies": counted, "passed": passed, "said": said, "made": shown, "pictures": pictures, "by": by}
    return page(request, person, "openings.html", filters=filters, complexes=complexes, **context)


async def _pictures(connection: AsyncConnection, shown: list[Opening]) -> dict[bytes, str]:
    found = {one.id: await opening_views.picture(connection, one) for one in shown}
    return {identity: name for identity, name in found.items() if name}


def _counted(made: list[Opening], zone: str) -> list[Opened]:
    return [Opened(one.by, one.reason, _day(one.occurred_at, one.timezone or zone)) for one in made if one.done]


def _day(at: datetime, zone: str) -> str:
    return at.astimezone(zone_of(zone)).date().isoformat()
