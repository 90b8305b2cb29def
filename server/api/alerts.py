"""Alerts to look at: what is live, and one in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.alerts.noise import Source, noisy
from domain.events import decode_event
from server.api import deliveries
from server.api.duty_acts import shown_of
from server.api.noted import note
from server.api.reveal import REASONS, reveal
from server.api.who import ANSWERING, PATROLLING, WATCHING, Anyone, Patrolling, Watching
from server.audit import Subject
from server.auth import Form, Person
from server.rule_book import RuleBook
from server.store import alert_views, duty_alerts, item_views, live_rows, silence_rows
from server.store.alert_views import AlertFilter, AlertView
from server.store.engine import stamp
from server.web.alert_facts import facts_of, timeline_of, told_of, whole_of
from server.web.alert_titles import RECEIVER_TITLES
from server.web.answers import house_of, page, see

router = APIRouter()

LIVE_DAYS = 7
_OPEN_AT_MOST, _TAKEN_AT_MOST = 200, 50
_MEMBERS_AT_MOST = 100


@router.get("/")
async def live_page(request: Request, person: Anyone) -> Response:
    """What waits and what is being handled; the rest comes by itself."""
    if not person.may(*WATCHING):
        return see("/parking")
    house = house_of(request)
    since = stamp(house.now() - timedelta(days=LIVE_DAYS))
    async with house.db.read() as connection:  # one snapshot: the position says from where the stream goes on
        _, position = await live_rows.ends(connection)
        waiting = await _live(connection, person, "open", since, _OPEN_AT_MOST)
        taken = await _live(connection, person, "acknowledged", since, _TAKEN_AT_MOST)
    sections = {"open": groups(waiting), "acknowledged": groups(taken)}
    is_cut = len(waiting) == _OPEN_AT_MOST or len(taken) == _TAKEN_AT_MOST
    return page(request, person, "live.html", sections=sections, position=position, is_cut=is_cut, days=LIVE_DAYS)


async def _live(connection: AsyncConnection, person: Person, status: str, since: str, limit: int) -> list[AlertView]:
    return await alert_views.page(connection, person.scope, AlertFilter((status,), since=since), limit)


def groups(views: Sequence[AlertView]) -> list[list[AlertView]]:
    """Alerts by incident, in the order in which incidents first appear."""
    found: dict[str, list[AlertView]] = {}
    for view in views:
        found.setdefault(view.incident, []).append(view)
    return list(found.values())


@router.get("/alerts/{identity}")
async def one(request: Request, identity: str, person: Watching, refused: str = "") -> Response:
    """One alert: its picture, its facts, why it fired, and what happened when."""
    return await _one(request, person, identity, refused)


@router.post("/alerts/{identity}/subject")
async def show_subject(request: Request, identity: str, person: Patrolling, form: Form) -> Response:
    """Whom or what the alert is about, whole, for a reason that the audit keeps."""
    return await _one(request, person, identity, "", form)


async def _one(request: Request, person: Person, identity: str, refused: str, form: FormData | None = None) -> Response:
    """The page; with the subject whole where a form gives a reason for it."""
    async with house_of(request).db.read() as connection:
        view = await alert_views.one(connection, person.scope, identity)
        if view is None:
            raise HTTPException(404, "no such alert")
        event = decode_event(await alert_views.event_of(connection, identity))
        actions = await alert_views.actions_of(connection, identity)
        members = await alert_views.incident(connection, person.scope, view.incident, _MEMBERS_AT_MOST)
        matter = await shown_of(request, connection, person, identity, may=person.may(*ANSWERING))
        quiet = await duty_alerts.why_quiet(connection, identity)
        _, position = await live_rows.ends(connection)
        picture_at = await alert_views.picture_arrived_at(connection, view.complex, view.picture or "")
        told = await deliveries.of_alert(connection, identity)
        tasks = await item_views.of_alert(connection, person.scope, identity)
        rules = await RuleBook().at(connection, view.complex, house_of(request).now())
        judged = await silence_rows.judged_of(connection, view.complex, house_of(request).now())
    await deliveries.seen(request, person, told)
    on = Subject("alert", identity)
    if form is None:
        await note(request, person, "alert.seen", on, view.complex)
    else:
        await reveal(request, person, "subject.shown", on, view.complex, form)
    return page(
        request,
        person,
        "alert.html",
        alert=view,
        facts=facts_of(event, view),
        timeline=timeline_of(view, actions, picture_at, told_of(told, deliveries.titles(request))),
        members=[member for member in members if member.id != identity],
        position=position,
        may_act=person.may(*ANSWERING),
        may_show=person.may(*PATROLLING),
        may_silence=person.may(*ANSWERING, "committee"),
        matter=matter,
        quiet=quiet,
        tasks=tasks,
        demoted=noisy(judged, house_of(request).now()).get(Source(view.complex, view.device, view.rule)),
        photo_wanted=rules.wants_photo(view.rule),
        receivers=RECEIVER_TITLES,
        has_subject=bool(whole_of(event)),
        whole=whole_of(event) if form is not None else [],
        reasons=REASONS,
        refused=refused if refused in ("closed", "taken", "photo", "photo_wanted", "not_possible") else "",
        request_key=uuid4().hex,
    )
