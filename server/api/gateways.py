"""Gateways to look at: who is heard, and how far behind each stream is."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from server.api.who import Overseeing
from server.store import desired_views, findings, gateway_views, reader_rows
from server.store.gateway_views import GatewayView
from server.web.answers import house_of, page

router = APIRouter()

SILENT_AFTER = timedelta(seconds=60)
_AT_MOST = 500


@router.get("/gateways")
async def gateways(request: Request, person: Overseeing) -> Response:
    """Each gateway's last contact, version, streams and what is unsent."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await gateway_views.gateways(connection, person.scope, _AT_MOST)
        ids = [view.id for view in found]
        wishes, orders = await desired_views.kinds(connection, ids), await desired_views.last_orders(connection, ids)
        waiting = await reader_rows.waiting_count(connection, person.scope)
        broken = await findings.broken_days(connection, ids)
    silent = {view.id for view in found if is_silent(view, house.now())}
    shown = {
        "gateways": found,
        "silent": silent,
        "broken": broken,
        "waiting": waiting,
        "most": _AT_MOST,
        "wishes": wishes,
        "last_orders": orders,
    }
    return page(request, person, "gateways.html", **shown)


def is_silent(view: GatewayView, now: datetime) -> bool:
    """Whether a gateway has not been heard for longer than a heartbeat can be late."""
    return view.last_seen_at is None or now - view.last_seen_at > SILENT_AFTER
