"""An alert as CAP 1.2, for a system that takes those; by the same scope as its page."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from server.api.noted import note
from server.api.who import Watching
from server.audit import Subject
from server.feeds.cap import TYPE, Told, cap_alert, sender_of
from server.store import alert_views
from server.store.alert_views import AlertView
from server.web.alert_titles import rule_title
from server.web.answers import house_of
from server.web.formats import zone_of

router = APIRouter()


@router.get("/alerts/{identity}/cap")
async def cap(request: Request, identity: str, person: Watching) -> Response:
    """One message: new, or what became of it."""
    house = house_of(request)
    async with house.db.read() as connection:
        view = await alert_views.one(connection, person.scope, identity)
    if view is None:
        raise HTTPException(404, "no such alert")
    await note(request, person, "alert.seen", Subject("alert", identity), view.complex, details={"as": "cap"})
    body = cap_alert(told_of(view, house.config.public_url, house.now()))
    return Response(body, media_type=TYPE, headers={"Cache-Control": "no-store"})


def told_of(view: AlertView, public_url: str, now: datetime) -> Told:
    zone, name = zone_of(view.timezone), view.complex_name or view.complex
    return Told(
        identifier=f"{view.complex}.{view.id}",
        sender=sender_of(public_url),
        sent=view.received_at.astimezone(zone),
        now=now.astimezone(zone),
        status=view.status,
        severity=view.severity,
        category=view.category,
        is_late=view.lateness != "live",
        event=rule_title(view.rule),
        description=" ".join(part for part in (name, view.place, view.point, view.device) if part),
        onset=view.occurred_at.astimezone(zone),
        area=" ".join(part for part in (name, view.place) if part),
        web=f"{public_url.rstrip('/')}/alerts/{view.id}" if public_url else "",
    )
