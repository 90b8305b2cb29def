"""Doors to look at."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.who import OVERSEEING, Watching
from server.store import place_views
from server.store.device_names import names_of
from server.web.answers import house_of, page

router = APIRouter()

_ALARMING = ("forced_open", "held_open")


@router.get("/doors")
async def doors(request: Request, person: Watching, complex: str = "") -> Response:
    """Each door's last state and last access, those that want looking at first."""
    async with house_of(request).db.read() as connection:
        found = await place_views.doors(connection, person.scope, complex)
        complexes = await place_views.complexes_of(connection, person.scope)
        called = await names_of(connection, {(one.complex, one.device) for one in found})
    found.sort(key=lambda door: door.state not in _ALARMING)
    seen = [place.id for place in complexes]
    context: dict[str, Any] = {"doors": found, "called": called, "complexes": complexes, "alarming": _ALARMING}
    chosen = complex if complex in seen else seen[0] if len(seen) == 1 else ""
    context |= {
        "filters": {"complex": complex},
        "plan_of": chosen,
        "may_oversee": person.may(*OVERSEEING),
        "most": place_views.MOST_DOORS,
    }
    return page(request, person, "doors.html", **context)
