"""Items for other offices, as the sheets that they read in: the 12345 hotline, the grid centre (综治)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException, Request
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from server.api.items import chosen_items
from server.api.noted import note
from server.api.who import Serving
from server.auth import Person
from server.feeds.item_sheets import RECEIVERS, as_csv, headings, row_of
from server.store import item_views
from server.store.engine import stamp
from server.store.item_views import ItemFilter
from server.web.answers import house_of
from server.web.sheets import Column, as_download, sheet

router = APIRouter(prefix="/items/for")

_AT_ONCE, _MOST_ROWS = 500, 20_000


@router.get("/{receiver}.{form}")
async def take(request: Request, receiver: str, form: str, person: Serving) -> Response:
    """A list as it is filtered, or what was made of one alert, in a receiver's columns; that it was taken is noted."""
    if receiver not in RECEIVERS or form not in ("csv", "xlsx"):
        raise HTTPException(404, f"no such sheet; there are {', '.join(RECEIVERS)}, as csv or xlsx")
    await note(request, person, "sheet.taken", details={"sheet": f"items-for-{receiver}", "as": form})
    async with house_of(request).db.read() as connection:
        rows = _rows(request, connection, person, receiver)
        if form == "xlsx":
            columns = [Column(title) for title in headings(receiver)]
            return as_download(await sheet(receiver, columns, rows), f"items-{receiver}.xlsx")
        body = as_csv(receiver, [row async for row in rows])
    headers = {"Content-Disposition": f'attachment; filename="items-{receiver}.csv"', "Cache-Control": "no-store"}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


async def _rows(
    request: Request, connection: AsyncConnection, person: Person, receiver: str
) -> AsyncIterator[list[str]]:
    alert, now = request.query_params.get("alert", ""), house_of(request).now()
    chosen = ItemFilter(alert=alert) if alert else chosen_items(request, person)
    for _ in range(0, _MOST_ROWS, _AT_ONCE):
        found = await item_views.page(connection, person.scope, chosen, _AT_ONCE)
        for view in found:
            yield row_of(receiver, view, now)
        if len(found) < _AT_ONCE:
            return
        chosen = replace(chosen, before=(stamp(found[-1].item.asked.at), found[-1].id))
