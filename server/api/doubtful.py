"""The queue of doubtful passages: both pictures, the cars it may have been, and a key press for each."""

from __future__ import annotations

import secrets
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.corrections import BadCorrection, Correction, What
from server.api.noted import note
from server.api.who import Clearing
from server.audit import Subject
from server.auth import Form, Person, field
from server.doubtful import Item, item_of
from server.store import doubt_views, place_views
from server.store.doubt_views import Cursor, DoubtView
from server.web.answers import house_of, page, see
from server.web.formats import zone_of

router = APIRouter(prefix="/parking/doubtful")

_PLAIN: dict[str, What] = {name: name for name in ("no_entry", "void", "part", "seen")}
_WORDED = ("entry", "time")  # a person's word for a time: they say why


@router.get("")
async def doubtful(
    request: Request,
    person: Clearing,
    complex: str = "",
    after: str = "",
    at: str = "",
    done: int = 0,
    last: str = "",
    refused: str = "",
) -> Response:
    """The next that needs a person; ``at`` names one, whether it is in doubt or not."""
    behind = _cursor(after)
    async with house_of(request).db.read() as connection:
        view = await _named(connection, person, at) if at else None
        view = view or await doubt_views.next_one(connection, person.scope, complex, behind)
        item = await item_of(connection, view) if view else None
        left = await doubt_views.count(connection, person.scope, complex, behind)
        complexes = await place_views.complexes_of(connection, person.scope)
    if view:
        await note(request, person, "doubt.seen", Subject("passage", view.passage.hex()), view.complex)
    undone = last if "~" in last else ""  # what leads back to nothing is no address of ours
    sitting = {"complex": complex, "after": after, "done": max(0, min(done, 9_999)), "last": undone}
    context = {"item": item, "left": left, "complexes": complexes, "sitting": sitting, "refused": refused}
    return page(request, person, "doubtful.html", key=secrets.token_hex(16), **context)


async def _named(connection: AsyncConnection, person: Person, at: str) -> DoubtView | None:
    complex_id, _, passage = at.partition("~")
    return await doubt_views.one(connection, person.scope, complex_id, _bytes(passage))


@router.post("/{complex_id}/undo/{identity}")
async def undo(request: Request, complex_id: str, identity: str, person: Clearing, form: Form) -> Response:
    """Take back what was said; the passage is shown again."""
    house = house_of(request)
    async with house.db.read() as connection:
        if not await doubt_views.is_theirs(connection, person.scope, complex_id, identity):
            raise HTTPException(404, "no such correction")
    key = field(form, "key", 64) or secrets.token_hex(16)
    try:
        passage = await house.corrections.undo(complex_id, identity, key, person.actor, "undone")
    except BadCorrection as error:
        return _on(form, refused=error.word, last="")
    return _on(form, at=f"{complex_id}~{passage.hex()}", done=_number(form) - 1, last="")


@router.post("/{complex_id}/{passage}")
async def act(request: Request, complex_id: str, passage: str, person: Clearing, form: Form) -> Response:
    """Say what it was. The next comes at once; what is still in doubt comes again."""
    house = house_of(request)
    async with house.db.read() as connection:
        view = await doubt_views.one(connection, person.scope, complex_id, _bytes(passage))
        if view is None:
            raise HTTPException(404, "no such passage")
        item = await item_of(connection, view)
    one = _said(item, form, house.now())
    reason = field(form, "reason", 200) or one.what
    if one.what in _WORDED and not field(form, "reason", 200):
        return _on(form, refused="reason", at=_here(view))
    try:
        await house.corrections.say(complex_id, one, person.actor, reason)
    except BadCorrection as error:
        return _on(form, refused=error.word, at=_here(view))
    return _on(form, done=_number(form) + 1, last=f"{complex_id}~{one.id}")


def _said(item: Item, form: FormData, now: datetime) -> Correction:
    """What a form says. Raises HTTPException 422."""
    act, key = field(form, "act", 60), field(form, "key", 64) or secrets.token_hex(16)
    passage = item.view.passage
    if act.startswith("pick:"):
        offer = next((one for one in item.offers if one.session == act.removeprefix("pick:")), None)
        if offer is None:
            raise HTTPException(422, "this car is not among those that it may have been")
        color = None if offer.color == "unknown" else offer.color
        return Correction(id=key, passage=offer.passage, what="plate", at=now, plate=offer.plate, color=color)
    if act in _PLAIN:
        return Correction(id=key, passage=passage, what=_PLAIN[act], at=now)
    if act == "in" or act == "out":
        return Correction(id=key, passage=passage, what="direction", at=now, direction=act)
    if act == "plate":
        return Correction(id=key, passage=passage, what="plate", at=now, plate=field(form, "plate", 20))
    if act == "entry" or act == "time":
        at = _moment(field(form, "moment", 40), item.view.timezone)
        return Correction(id=key, passage=passage, what=act, at=now, time=at)
    raise HTTPException(422, "say what it was")


def _moment(text: str, zone: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 2000 <= found.year <= 2100:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone_of(zone))


def _on(form: FormData, **changes: object) -> Response:
    """Go on with the queue where the form stood."""
    sitting = {name: field(form, name, 200) for name in ("complex", "after", "done", "last")}
    query = {name: str(value) for name, value in {**sitting, **changes}.items() if str(value)}
    return see(f"/parking/doubtful?{urlencode(query)}")


def _here(view: DoubtView) -> str:
    return f"{view.complex}~{view.passage.hex()}"


def _number(form: FormData) -> int:
    text = field(form, "done", 6)
    return int(text) if text.isdecimal() else 0


def _bytes(text: str) -> bytes:
    """Raises HTTPException 404 for what names no passage."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise HTTPException(404, "no such passage") from error


def _cursor(text: str) -> Cursor | None:
    parts = text.split("~")
    try:
        return (parts[0], parts[1], bytes.fromhex(parts[2])) if len(parts) == 3 else None
    except ValueError:
        return None
