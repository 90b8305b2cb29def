"""Readers of the log that stand still at a record, and records that were set aside: for whoever runs the centre."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.who import Operating
from server.store import reader_rows
from server.web.answers import house_of, page

router = APIRouter()


@router.get("/gateways/readers")
async def readers(request: Request, person: Operating) -> Response:
    """Who waits, since when and why; what was set aside, by whom and why."""
    async with house_of(request).db.read() as connection:
        waiting = await reader_rows.waits(connection, person.scope)
        aside = await reader_rows.were_set_aside(connection, person.scope)
    return page(request, person, "readers.html", waiting=waiting, aside=aside)
