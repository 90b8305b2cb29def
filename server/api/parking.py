"""Parking to look at: who is inside, every stay, and the passages nobody could read."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from server.api.noted import note
from server.api.reveal import REASONS, reason_of, reveal
from server.api.who import CLEARING, Accounting, Clearing
from server.audit import Subject
from server.auth import Form, Person
from server.store import parking_views, place_views
from server.store.parking_views import SessionFilter, SessionView
from server.web.answers import house_of, page
from server.web.render import render

router = APIRouter(prefix="/parking")

_PAGE = 50
_UNREAD_AT_MOST = 200


@router.get("")
async def inside(
    request: Request, person: Accounting, complex: str = "", plate: str = "", before: str = ""
) -> Response:
    """Vehicles that are inside now."""
    return await _stays(request, person, "inside", complex, plate, before)


@router.get("/sessions")
async def sessions(
    request: Request, person: Accounting, state: str = "", complex: str = "", plate: str = "", before: str = ""
) -> Response:
    """All stays."""
    return await _stays(request, person, state, complex, plate, before)


async def _stays(request: Request, person: Person, state: str, complex_id: str, plate: str, before: str) -> Response:
    chosen = chosen_sessions(state, complex_id, plate, before)
    async with house_of(request).db.read() as connection:
        found = await parking_views.sessions(connection, person.scope, chosen, _PAGE + 1)
        inside_now = await parking_views.count_inside(connection, person.scope, complex_id)
        complexes = await place_views.complexes_of(connection, person.scope)
        provisional = await parking_views.provisional(connection, found)
    filters = {"state": state, "complex": complex_id, "plate": plate}
    shown = found[:_PAGE]
    older = _cursor(shown[-1]) if len(found) > _PAGE else None
    context = {"stays": shown, "older": older, "inside_now": inside_now, "complexes": complexes, "filters": filters}
    return page(request, person, "parking.html", states=parking_views.STATES, provisional=provisional, **context)


def chosen_sessions(state: str, complex_id: str, plate: str, before: str) -> SessionFilter:
    """The filter that a page's fields say; what is none does not restrict."""
    wanted = state if state in parking_views.STATES else ""
    return SessionFilter(wanted, _as_plate(plate), complex_id, _before(before))


def _as_plate(text: str) -> str:
    """What a person types of a plate, as plates are kept."""
    return "".join(sign for sign in text.upper() if not sign.isspace() and sign not in "·.-")[:16]


def _cursor(stay: SessionView) -> str:
    return f"{stay.begun_at}~{stay.complex}~{stay.id}"


def _before(text: str) -> tuple[str, str, str] | None:
    parts = text.split("~")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


@router.get("/sessions/{complex_id}/{identity}")
async def session(request: Request, complex_id: str, identity: str, person: Accounting) -> Response:
    """One stay: both pictures, and what it costs line by line."""
    await note(request, person, "stay.seen", Subject("stay", identity), complex_id)
    return await _session(request, person, complex_id, identity, plate=None)


@router.post("/sessions/{complex_id}/{identity}/plate")
async def show_plate(request: Request, complex_id: str, identity: str, person: Clearing, form: Form) -> Response:
    """The whole plate, for a reason that the audit keeps."""
    reason_of(form)
    async with house_of(request).db.read() as connection:
        stay = await parking_views.one(connection, person.scope, complex_id, identity)
    if stay is None:
        raise HTTPException(404, "no such stay")
    await reveal(request, person, "plate.shown", Subject("stay", stay.id), stay.complex, form)
    if request.headers.get("hx-request"):
        return HTMLResponse(render(person.lang, "plate.html", plate=stay.plate))
    return await _session(request, person, complex_id, identity, plate=stay.plate)


async def _session(request: Request, person: Person, complex_id: str, identity: str, plate: str | None) -> Response:
    async with house_of(request).db.read() as connection:
        stay = await parking_views.one(connection, person.scope, complex_id, identity)
        if stay is None:
            raise HTTPException(404, "no such stay")
        names = [name for name in (stay.entry_picture, stay.exit_picture) if name]
        here = await parking_views.pictures_here(connection, complex_id, names)
        revisions = await parking_views.revisions(connection, person.scope, complex_id, identity)
        lags = await parking_views.lags(connection, stay)
        readings = await parking_views.readings(connection, stay)
    may_see = person.may(*CLEARING)
    context = {"stay": stay, "here": here, "revisions": revisions, "plate": plate, "may_see_plate": may_see}
    return page(request, person, "stay.html", reasons=REASONS, lags=lags, readings=readings, **context)


@router.get("/unread")
async def unread(request: Request, person: Accounting, complex: str = "") -> Response:
    """Passages without a plate: in no stay, so a person must look."""
    async with house_of(request).db.read() as connection:
        found = await parking_views.unread(connection, person.scope, complex, _UNREAD_AT_MOST)
        complexes = await place_views.complexes_of(connection, person.scope)
    context = {"passages": found, "complexes": complexes, "filters": {"complex": complex}, "most": _UNREAD_AT_MOST}
    return page(request, person, "unread.html", **context)
