"""What people do to alerts: from a form of the alert's page, or from the outbox of a phone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Request
from msgspec import Meta
from starlette.responses import Response

from domain.alerts.handling import ACTIONS
from server.api.who import Answering
from server.auth import MOST_FORM_BYTES, Form, Person, check_length, field
from server.store.alert_actions import MAX_ALERTS, Asked, Doer, KeyUsed, Outcome
from server.web.answers import house_of, see

router = APIRouter()

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
async def from_page(request: Request, identity: str, person: Answering, form: Form) -> Response:
    """Does it and goes back to the alert."""
    action, note = _checked(field(form, "action")), field(form, "note", _MOST_NOTE_SIGNS) or None
    key = field(form, "request", 64)
    if not key:
        raise HTTPException(422, "request: the form's own key is missing, load the page again")
    _need_words(action, note)
    outcomes = await _act(request, person, Asked(action, (identity,), key, note))
    if not outcomes:
        raise HTTPException(404, "no such alert")
    refused = outcomes[0].refused
    return see(f"/alerts/{identity}" + (f"?refused={refused}" if refused else ""))


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
    try:
        outcomes = await house.acting.act(Doer(person.actor, person.id), person.scope, asked, at)
    except KeyUsed as error:
        raise HTTPException(409, str(error)) from error
    house.live.ring()
    return outcomes
