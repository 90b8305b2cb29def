"""A round on a phone: the page that goes on without a network, a checkpoint's code, and what the phone tells."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.rounds.codes import canonical
from server.api.places import found_place
from server.api.who import ROSTERING, Patrolling
from server.audit import Subject, record
from server.auth import MOST_FORM_BYTES, Person, check_length
from server.patrol.phone import phone_of
from server.patrol.taking import Sent, Taking, is_sound
from server.store import patrol_rows, place_views
from server.store.area_views import PlaceView
from server.web.answers import house_of, page, see
from server.web.formats import zone_of

router = APIRouter(prefix="/rounds")


@router.get("/walk")
async def walk_anywhere(request: Request, person: Patrolling) -> Response:
    """The page of the first complex of those in reach."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    return see(f"/rounds/{quote(complexes[0].id, safe='')}/walk" if complexes else "/rounds")


@router.get("/at/{code}")
async def at_a_checkpoint(request: Request, code: str, person: Patrolling) -> Response:
    """Where a label's code leads: the page reads the checkpoint for the round that is under way, or begins one."""
    async with house_of(request).db.read() as connection:
        point = await patrol_rows.point_by_code(connection, person.scope, canonical(code) or "")
        if point is None:
            raise HTTPException(404, "no such checkpoint")
        place = await found_place(connection, person, point.complex)
        return await _page(request, person, connection, place, {"code": point.code, "name": point.name})


@router.get("/{complex_id}/walk")
async def walk(request: Request, complex_id: str, person: Patrolling) -> Response:
    """What is due now, and the round that this phone walks."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        return await _page(request, person, connection, place, None)


async def _page(
    request: Request, person: Person, connection: AsyncConnection, place: PlaceView, scanned: dict[str, str] | None
) -> Response:
    now = house_of(request).now()
    phone = await phone_of(connection, place.id, zone_of(place.timezone), now)
    told: dict[str, Any] = msgspec.to_builtins(phone) | {"scanned": scanned}
    rights = {"may_walk": True, "may_edit": person.may(*ROSTERING)}
    return page(request, person, "round_walk.html", place=place, phone=told, scanned=scanned, **rights)


@router.post("/{complex_id}/acts")
async def tell(request: Request, complex_id: str, person: Patrolling) -> Response:
    """What a phone kept, each act once however often it is sent; says what became of each."""
    house = house_of(request)
    async with house.db.read() as connection:
        await found_place(connection, person, complex_id)
    sent = await _sent(request)
    async with house.db.write(complex_id) as connection:
        answers = await Taking(connection, complex_id, person.username, house.now()).take(sent)
        kept = [one.key for one in answers if one.outcome == "kept"]
        if kept:
            on, details = Subject("round", sent.acts[0].round), {"kept": len(kept)}
            record(connection, person.actor, "round.walked", house.now(), on=on, complex_id=complex_id, details=details)
    return Response(msgspec.json.encode({"answers": answers}), media_type="application/json")


async def _sent(request: Request) -> Sent:
    """Raises HTTPException 422 for what no phone of ours sends."""
    check_length(request, MOST_FORM_BYTES)
    try:
        sent = msgspec.json.decode(await request.body(), type=Sent)
    except msgspec.MsgspecError as error:
        raise HTTPException(422, str(error)) from error
    if not is_sound(sent):
        raise HTTPException(422, "a time before 1900 or after 2200: set the phone's clock")
    return sent
