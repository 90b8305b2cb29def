"""What gateways sent that the centre did not take: for a person to look at, byte by byte."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.responses import Response

from server.api.noted import note
from server.api.reveal import REASONS, reveal
from server.api.who import Operating
from server.audit import Subject
from server.auth import Form, Person
from server.store import gateway_views
from server.store.gateway_views import RefusalView
from server.web.answers import house_of, page
from server.web.formats import hex_rows

router = APIRouter()

Number = Annotated[int, Path(ge=0, le=2**63 - 1)]

_MOST = 2**63 - 1  # what the table can number
_PAGE = 50
_SHOWN_BYTES = 4_096


@router.get("/gateways/refusals")
async def refusals(
    request: Request, person: Operating, before: Annotated[int | None, Query(ge=0, le=_MOST)] = None
) -> Response:
    """Refusals, the newest first."""
    async with house_of(request).db.read() as connection:
        found = await gateway_views.refusals(connection, person.scope, before, _PAGE + 1)
    older = found[_PAGE - 1].number if len(found) > _PAGE else None
    return page(request, person, "refusals.html", refusals=found[:_PAGE], older=older)


@router.get("/gateways/refusals/{number}")
async def refusal(request: Request, number: Number, person: Operating) -> Response:
    """One refusal: why. Its bytes may name people, and are shown for a reason."""
    view, _ = await _found(request, number, person)
    await note(request, person, "refusal.seen", Subject("refusal", str(number)), view.complex)
    return page(request, person, "refusal.html", refusal=view, rows=None, shown=0, reasons=REASONS)


@router.post("/gateways/refusals/{number}/bytes")
async def refused_bytes(request: Request, number: Number, person: Operating, form: Form) -> Response:
    """The first bytes of what came, for a reason that is kept."""
    view, body = await _found(request, number, person)
    await reveal(request, person, "refusal.shown", Subject("refusal", str(number)), view.complex, form)
    rows = list(hex_rows(body[:_SHOWN_BYTES]))
    shown = min(len(body), _SHOWN_BYTES)
    return page(request, person, "refusal.html", refusal=view, rows=rows, shown=shown, reasons=REASONS)


async def _found(request: Request, number: int, person: Person) -> tuple[RefusalView, bytes]:
    async with house_of(request).db.read() as connection:
        found = await gateway_views.refused(connection, person.scope, number)
    if found is None:
        raise HTTPException(404, "no such refusal")
    return found
