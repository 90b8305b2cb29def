"""What people do to an item, from a form of its page or from a program: send, take, finish, review and the rest."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.items import acts
from domain.items.acts import Act
from domain.items.item import Item, Refused
from server import items as acting
from server.api.item_parts import EVERY_UNIT, category_in, need_item, one_of, possible, text_in
from server.api.who import ANSWERING
from server.auth import Person, check_length, field, require
from server.item_pictures import MOST_BYTES, MOST_FILES, NotTaken, keep_pictures, read_pictures
from server.store.item_views import ItemView
from server.web.answers import house_of, see

router = APIRouter()

Uploading = Annotated[Person, Depends(require(*ANSWERING, "committee", most_bytes=MOST_BYTES, most_files=MOST_FILES))]
WHAT = ("send", "take", "hand_over", "give_back", "finish", "pass", "send_back", "refuse", "withdraw")


@router.post("/items/{identity}/acts")
async def from_page(request: Request, identity: str, person: Uploading) -> Response:
    """Does it and goes back to the item."""
    try:
        await _act(request, person, identity)
    except (Refused, NotTaken) as error:
        return see(f"/items/{quote(identity, safe='')}?refused={error.reason}")
    return see(f"/items/{identity}")


@router.post("/api/v1/items/{identity}/acts")
async def from_program(request: Request, identity: str, person: Uploading) -> Response:
    """The same form; answers how the item stands, or 409 with the reason."""
    try:
        after = await _act(request, person, identity)
    except (Refused, NotTaken) as error:
        body = msgspec.json.encode({"error": error.reason, "message": str(error)})
        return Response(body, 409, media_type="application/json")
    body = msgspec.json.encode({"id": after.id, "status": after.status, "unit": after.unit, "doer": after.doer})
    return Response(body, media_type="application/json")


async def _act(request: Request, person: Person, identity: str) -> Item:
    """Raises Refused, NotTaken, HTTPException."""
    view, house = await need_item(request, person, identity), house_of(request)
    check_length(request, MOST_BYTES)
    form = await request.form(max_files=MOST_FILES, max_fields=50)
    what, key = one_of(form, "what", WHAT), field(form, "request", 64)
    if not key:
        raise HTTPException(422, "the request names no key")
    act = await _made(request, person, view, what, f"{person.id}/{key}", form)
    if act.key not in view.item.keys:
        _check(person, view.item, what, act)
    after = await acting.act(house.db, house.acting.duties, person.actor, view.complex, identity, act, house.now())
    if after is None:
        raise HTTPException(404, "no such item")
    return after


def _check(person: Person, item: Item, what: str, act: Act) -> None:
    """Whether the person may, by their role; where the item does not allow it, it says why itself. Raises Refused."""
    if what in possible(person, item):
        return
    acting.would(item, act)
    raise Refused("role", f"not for the role {person.role}, or not at this unit")


async def _made(request: Request, person: Person, view: ItemView, what: str, key: str, form: FormData) -> Act:
    """Raises HTTPException 422, NotTaken."""
    by, words = person.username, text_in(form, "words")
    match what:
        case "send":
            return await _send(request, view, key, by, form)
        case "take":
            return acts.Take(key=key, by=by)
        case "hand_over":
            return acts.HandOver(key=key, by=by, unit=one_of(form, "unit", EVERY_UNIT), words=words)
        case "give_back":
            return acts.GiveBack(key=key, by=by, words=words)
        case "finish":
            return await _finish(request, person, view, key, words, form)
        case "pass" | "send_back":
            return acts.Review(key=key, by=by, passed=what == "pass", words=words)
        case "refuse":
            return acts.Refuse(key=key, by=by, words=words)
        case _:
            return acts.Withdraw(key=key, by=by, words=words)


async def _send(request: Request, view: ItemView, key: str, by: str, form: FormData) -> Act:
    """Who sends it says of what category it really is; the date goes with that, from when it was asked."""
    unit = one_of(form, "unit", EVERY_UNIT)
    category = category_in(form) if field(form, "category", 60) else view.item.category
    house = house_of(request)
    async with house.db.read() as connection:
        due = await acting.due_of(connection, house.acting.duties, view.complex, category, view.item.asked.at)
    return acts.Send(key=key, by=by, unit=unit, category=category, due_at=due)


async def _finish(request: Request, person: Person, view: ItemView, key: str, words: str, form: FormData) -> Act:
    """The pictures are kept only where the act can be done: nobody fills the store by being refused."""
    read = await read_pictures(form)
    names = tuple(picture.sha256 for picture in read)
    act = acts.Finish(key=key, by=person.username, words=words, pictures=names)
    if key not in view.item.keys:
        _check(person, view.item, "finish", act)
        acting.would(view.item, act)
        await keep_pictures(house_of(request).media, view.complex, read)
    return act
