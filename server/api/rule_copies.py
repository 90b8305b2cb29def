"""Rules of one complex for others of an area: first how many would change, then, with a reason, a version in each."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server import rules_desk
from server.api.places import found_place
from server.api.rules import Refused, as_json, number, reason_of, wants_json
from server.api.who import Rostering
from server.auth import Form, Person, field
from server.rules_desk import MOST_COPIED, Target
from server.store import area_views, place_views, rule_rows
from server.store.area_views import PlaceView
from server.store.rule_rows import Published
from server.web.answers import house_of, page, see
from server.web.rule_words import REFUSED

router = APIRouter(prefix="/rules/{complex_id}/copy")

_MOST_SHOWN = 100


@router.get("")
async def choose(
    request: Request, complex_id: str, person: Rostering, area: str = "", refused: str = "", done: str = ""
) -> Response:
    """Which area; how many of its complexes would change, and which are the same already."""
    place, newest, areas, found = await _looked(request, person, complex_id, area)
    changed = [one for one in found if one.is_changed]
    if wants_json(request):
        said = {"area": area, "changed": [one.place.id for one in changed], "same": len(found) - len(changed)}
        return as_json(said | {"seal": rules_desk.seal(changed, newest.body) if newest else ""})
    context: dict[str, Any] = {"place": place, "newest": newest, "areas": areas, "area": area}
    context |= {"changed": changed, "shown": changed[:_MOST_SHOWN], "same": len(found) - len(changed)}
    context |= {"seal": rules_desk.seal(changed, newest.body) if newest else "", "most": MOST_COPIED}
    context |= {"refused": REFUSED.get(refused, ""), "done": done if done.isascii() and done.isdigit() else ""}
    return page(request, person, "rule_copy.html", **context)


async def _looked(
    request: Request, person: Person, complex_id: str, area: str
) -> tuple[PlaceView, Published | None, list[Any], list[Target]]:
    """Nothing of an area that the person does not see."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        newest = await rule_rows.newest(connection, complex_id)
        areas = await area_views.areas(connection, person.scope)
        if area and all(one.id != area for one in areas):
            raise HTTPException(404, "no such area")
        there = await place_views.seen_below(connection, person.scope, area) if area else []
        found = await rules_desk.targets(connection, newest.body, there, complex_id) if newest else []
    return place, newest, areas, found


@router.post("")
async def copy(request: Request, complex_id: str, person: Rostering, form: Form) -> Response:
    """A version in each complex that would change: what the preview showed, or nothing at all."""
    area, house = field(form, "area", 200), house_of(request)
    _, newest, _, found = await _looked(request, person, complex_id, area)
    changed = [one for one in found if one.is_changed]
    try:
        body = _seen(newest, changed, number(form, "version"), field(form, "seal", 40))
        done = await rules_desk.copy(house, person.actor, complex_id, changed, body, reason_of(form))
    except Refused as error:
        if wants_json(request):
            raise HTTPException(409 if error.reason == "moved" else 422, error.reason) from error
        return see(_here(complex_id, area=area, refused=error.reason))
    if wants_json(request):
        return as_json({"changed": sorted(done), "left": len(changed) - len(done)})
    return see(_here(complex_id, area=area, done=str(len(done))))


def _seen(newest: Published | None, changed: list[Target], version: int, seal: str) -> bytes:
    """What is copied, if all is as the preview showed it. Raises Refused."""
    if newest is None:
        raise Refused("no_version")
    if newest.version != version or rules_desk.seal(changed, newest.body) != seal:
        raise Refused("moved")
    return newest.body


def _here(complex_id: str, **more: str) -> str:
    return f"/rules/{quote(complex_id, safe='')}/copy?{urlencode(more)}"
