"""Passes of cars by when they end: those to be extended, and those that are over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.who import RESIDING, Accounting
from server.store import pass_views, place_views
from server.store.pass_views import MOST_SHOWN, What
from server.web.answers import house_of, page
from server.web.formats import zone_of

router = APIRouter(prefix="/parking/passes")

_USUAL_LIFE = timedelta(days=365)


@router.get("")
async def passes(request: Request, person: Accounting, complex: str = "", what: str = "soon") -> Response:
    """Of the next 30 days where nothing else is asked for."""
    house = house_of(request)
    chosen: What = next((one for one in get_args(What) if one == what), "soon")
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        zone = next((one.timezone for one in complexes if one.id == complex or not complex), "")
        today = house.now().astimezone(zone_of(zone)).date()
        found = await pass_views.passes(connection, person.scope, complex, chosen, today)
    context: dict[str, Any] = {"passes": found[:MOST_SHOWN], "more": len(found) > MOST_SHOWN, "today": today}
    context |= {"complexes": complexes, "complex": complex, "what": chosen, "whats": get_args(What)}
    context |= {"usual": (today + _USUAL_LIFE).isoformat(), "may": person.may(*RESIDING)}
    return page(request, person, "passes.html", **context)
