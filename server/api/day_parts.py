"""What the pages of bills and of days share: a day in a path, a place in the person's scope."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import HTTPException, Request

from server.auth import Person
from server.store import place_views
from server.store.place_views import ComplexView
from server.web.answers import house_of
from server.web.formats import zone_of


def day_in(text: str) -> date:
    """Raises HTTPException 404 for what is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(404, f"{text[:20]} is no day") from error


async def need_place(request: Request, person: Person, complex_id: str) -> ComplexView:
    """Raises HTTPException 404 where the person sees no such complex."""
    async with house_of(request).db.read() as connection:
        found = await place_views.complexes_of(connection, person.scope)
    one = next((view for view in found if view.id == complex_id), None)
    if one is None:
        raise HTTPException(404, "no such complex")
    return one


def today(request: Request, place: ComplexView) -> date:
    return house_of(request).now().astimezone(zone_of(place.timezone)).date()


def usual_day(request: Request, place: ComplexView) -> date:
    """Yesterday: its bills are there since ten in the morning."""
    return today(request, place) - timedelta(days=1)
