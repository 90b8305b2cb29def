"""What people do to alerts: from a form of the alert's page, or from the outbox of a phone."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from msgspec import Meta
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from domain.alerts.handling import ACTIONS
from domain.ids import content_name
from server.api.who import ANSWERING, Answering
from server.auth import MOST_FORM_BYTES, Person, check_length, field, require
from server.media import MediaAway
from server.plan_pictures import MOST_BYTES, BadPicture, read_picture
from server.rule_book import RuleBook
from server.store import alert_views
from server.store.alert_actions import MAX_ALERTS, Asked, Doer, KeyUsed, Outcome
from server.store.alert_views import AlertView
from server.web.answers import house_of, see

log = structlog.get_logger()
router = APIRouter()

_MOST_PAGE_BYTES = MOST_BYTES + MOST_FORM_BYTES
_one_at_a_time = asyncio.Semaphore(1)  # a large photo costs a core for seconds, and a hundred megabytes
AnsweringWithPhoto = Annotated[Person, Depends(require(*ANSWERING, most_bytes=_MOST_PAGE_BYTES))]

_MOST_NOTE_SIGNS = 500
_NEED_WORDS = frozenset({"close"})


class _Sent(msgspec.Struct):
    """A tap, as the outbox keeps and sends it."""

    action: str
    alerts: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(min_length=1, max_length=MAX_ALERTS)]
    request: Annotated[str, Meta(min_length=8, max_length=64)]
    note: Annotated[str, Meta(max_length=_MOST_NOTE_SIGNS)] | None = None


@router.post("/alerts/actions")
async def from_outbox(request: Request, person: Answering) -> Response:
    """Does it once, however often it is sent; says how each alert stands now."""
    check_length(request, MOST_FORM_BYTES)
    try:
        sent = msgspec.json.decode(await request.body(), type=_Sent)
    except msgspec.MsgspecError as error:
        raise HTTPException(422, str(error)) from error
    note = (sent.note or "").strip() or None
    _need_words(sent.action, note)
    asked = Asked(_checked(sent.action), tuple(dict.fromkeys(sent.alerts)), sent.request, note)
    outcomes = await _act(request, person, asked)
    return Response(msgspec.json.encode({"outcomes": outcomes}), media_type="application/json")


@router.post("/alerts/{identity}/actions")
async def from_page(request: Request, identity: str, person: AnsweringWithPhoto) -> Response:
    """Does it, with a photo where there is one, and goes back to the alert; to the outbox it says how that stands."""
    check_length(request, _MOST_PAGE_BYTES)
    form = await request.form(max_files=1, max_fields=50)
    action, note = _checked(field(form, "action")), field(form, "note", _MOST_NOTE_SIGNS) or None
    key = field(form, "request", 64)
    if not key:
        raise HTTPException(422, "request: the form's own key is missing, load the page again")
    _need_words(action, note)
    view = await _seen(request, person, identity)
    try:
        photo = await _photo(request, view, form)
    except BadPicture as error:
        log.info("photo_refused", alert=identity, reason=error.reason, detail=str(error))
        return _answer(request, Outcome(identity, view.status, "photo"))
    outcomes = await _act(request, person, Asked(action, (identity,), key, note, photo))
    if not outcomes:
        raise HTTPException(404, "no such alert")
    return _answer(request, outcomes[0])


async def _seen(request: Request, person: Person, identity: str) -> AlertView:
    async with house_of(request).db.read() as connection:
        view = await alert_views.one(connection, person.scope, identity)
    if view is None:
        raise HTTPException(404, "no such alert")
    return view


async def _photo(request: Request, view: AlertView, form: FormData) -> str | None:
    """What was taken, drawn anew from its pixels (no place, no time, no name of a phone is in it) and kept.

    Its hash; None where there is none. Raises BadPicture.
    """
    given = form.get("photo")
    body = await given.read(MOST_BYTES + 1) if isinstance(given, UploadFile) else b""
    if not body:
        return None
    async with _one_at_a_time:
        drawn = await asyncio.to_thread(read_picture, body)
    name = content_name(drawn.body)
    try:
        await house_of(request).media.keep(name, view.complex, drawn.body, drawn.type)
    except MediaAway as error:
        log.error("media_away", path=request.url.path, error=str(error))
        raise HTTPException(503, "the store of the pictures does not answer; come again") from error
    return name


def _answer(request: Request, outcome: Outcome) -> Response:
    if request.headers.get("accept", "").startswith("application/json"):
        return Response(msgspec.json.encode({"outcomes": [outcome]}), media_type="application/json")
    return see(f"/alerts/{outcome.alert}" + (f"?refused={outcome.refused}" if outcome.refused else ""))


def _need_words(action: str, note: str | None) -> None:
    if action in _NEED_WORDS and note is None:
        raise HTTPException(422, "note: say how it ended")


def _checked(action: str) -> str:
    if action not in ACTIONS:
        raise HTTPException(422, f"no such action: {action!r}")
    return action


async def _act(request: Request, person: Person, asked: Asked) -> list[Outcome]:
    house = house_of(request)
    at: datetime = house.now()
    refused = await _without_photo(request, person, asked, at)
    asked = msgspec.structs.replace(asked, alerts=tuple(one for one in asked.alerts if one not in refused))
    if not asked.alerts:
        return list(refused.values())
    try:
        outcomes = await house.acting.act(Doer(person.actor, person.id), person.scope, asked, at)
    except KeyUsed as error:
        raise HTTPException(409, str(error)) from error
    house.live.ring()
    return [*refused.values(), *outcomes]


async def _without_photo(request: Request, person: Person, asked: Asked, at: datetime) -> dict[str, Outcome]:
    """Of what is to be closed without a photo, those whose rule of now wants one."""
    if asked.action != "close" or asked.photo is not None:
        return {}
    found, book = dict[str, Outcome](), RuleBook()
    async with house_of(request).db.read() as connection:
        for identity in asked.alerts:
            view = await alert_views.one(connection, person.scope, identity)
            if view is None or view.status not in ("open", "acknowledged"):
                continue
            if (await book.at(connection, view.complex, at)).wants_photo(view.rule):
                found[identity] = Outcome(identity, view.status, "photo_wanted")
    return found
