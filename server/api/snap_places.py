"""The codes of places by which residents report: made, printed and ended."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server.api.item_parts import MOST_PLACE, text_in
from server.api.places import found_place
from server.api.who import Rostering
from server.audit import Subject, record
from server.auth import Form
from server.store import snap_rows
from server.web.answers import house_of, page, see
from server.web.qr import qr_of

router = APIRouter(prefix="/items/codes")

_MOST_AT_ONCE = 50


@router.get("/{complex_id}")
async def codes(request: Request, complex_id: str, person: Rostering, refused: str = "") -> Response:
    """A sheet to print: each place with its code."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        found = await snap_rows.of_complex(connection, complex_id)
    base = house.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    sheets = [(one, f"{base}/snap/{one.token}", qr_of(f"{base}/snap/{one.token}")) for one in found]
    return page(request, person, "snap_places.html", place=place, sheets=sheets, refused=refused)


@router.post("/{complex_id}")
async def make(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """A code for each line of places; for the whole complex, where none is named."""
    house, back = house_of(request), f"/items/codes/{quote(complex_id, safe='')}"
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
    named = [" ".join(line.split()) for line in text_in(form, "places", 5_000).splitlines()]
    wanted = list(dict.fromkeys(name for name in named if name)) or [""]
    if len(wanted) > _MOST_AT_ONCE or any(len(name) > MOST_PLACE for name in wanted):
        return see(f"{back}?refused=places")
    async with house.db.write(complex_id) as connection:
        for name in wanted:
            token = await snap_rows.make(connection, complex_id, name, person.username, house.now())
            if token is None:
                return see(f"{back}?refused=enough")
            on = Subject("snap", token)
            record(connection, person.actor, "snap.made", house.now(), on=on, complex_id=complex_id)
    return see(back)


@router.post("/{complex_id}/{token}/end")
async def end(request: Request, complex_id: str, token: str, person: Rostering) -> Response:
    """A code that was copied, or pasted over, leads nowhere any more; what was reported by it stays."""
    house = house_of(request)
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
    async with house.db.write(complex_id) as connection:
        if not await snap_rows.end(connection, complex_id, token, house.now()):
            raise HTTPException(404, "no such code")
        on = Subject("snap", token)
        record(connection, person.actor, "snap.ended", house.now(), on=on, complex_id=complex_id)
    return see(f"/items/codes/{quote(complex_id, safe='')}")
