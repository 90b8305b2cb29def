"""One gateway: how it is and was, what it goes by, what was refused of it, its tags, and a new box in its place."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.orders import Order
from server.api.enrolment import code_page
from server.api.gateways import SILENT_AFTER
from server.api.who import Operating, Overseeing
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.house import House
from server.store import desired_views, findings, found_rows, gateway_views, order_rows, past_views
from server.store.gateway_views import GatewayView
from server.store.order_rows import NoGateway
from server.store.past_views import Past
from server.store.place_views import ComplexView
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/gateways/{identity}")

_REFUSALS, _PAST_ROWS = 10, 48
_GOOD_FOR = timedelta(seconds=60)  # nobody waits longer at a page for what is found


@router.get("")
async def gateway(request: Request, identity: str, person: Overseeing) -> Response:
    """Everything of one gateway."""
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _found(connection, person, identity)
        context = await _context(connection, person, view)
    seen = view.last_seen_at
    silent = seen is None or house.now() - seen > SILENT_AFTER
    return page(request, person, "gateway.html", gateway=view, silent=silent, **context)


async def _context(connection: AsyncConnection, person: Person, view: GatewayView) -> dict[str, Any]:
    past = await past_views.past(connection, view.id)
    old = await gateway_views.whole(connection, person.scope, view.replaces) if view.replaces else None
    return {
        "kinds": (await desired_views.kinds(connection, [view.id])).get(view.id, []),
        "orders": (await desired_views.last_orders(connection, [view.id])).get(view.id, []),
        "broken": (await findings.broken_days(connection, [view.id])).get(view.id, 0),
        "refusals": await gateway_views.refusals_of(connection, person.scope, view.id, _REFUSALS),
        "tags": await past_views.tags(connection, view.id),
        "old": old,
        "found": await found_rows.unlisted(connection, view),
        "past": list(reversed(past))[:_PAST_ROWS],
        "lines": _lines(past),
    }


def _lines(past: list[Past]) -> dict[str, str]:
    made = {
        "lag": past_views.line(past, lambda one: one.lag),
        "disk": past_views.line(past, lambda one: one.disk_free),
        "clock": past_views.line(past, lambda one: one.clock_ms),
        "events": past_views.line(past, lambda one: one.head),
    }
    return {name: points for name, points in made.items() if points}


@router.post("/replace")
async def replace(request: Request, identity: str, person: Operating) -> Response:
    """A code for the box that takes this one's place; its own key ends when that enrols."""
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _found(connection, person, identity)
    if view.replaced_at is not None:
        raise HTTPException(409, "this gateway was replaced already")
    place = ComplexView(view.complex, view.complex_name or view.complex, view.timezone or "Asia/Shanghai")
    return await code_page(request, person, place, view.id)


@router.post("/discover")
async def discover(request: Request, identity: str, person: Operating, form: Form) -> Response:
    """Order it to look for devices now."""
    house, now = house_of(request), house_of(request).now()
    order = Order(secrets.token_hex(16), "gateway", "devices.discover", now, now + _GOOD_FOR, person.username)
    try:
        async with house.db.write() as connection:
            view = await _found(connection, person, identity)
            await order_rows.place(connection, view.complex, order, view.id)
            told, on = {"name": order.name, "gateway": view.id}, Subject("order", order.id)
            record(connection, person.actor, "order.placed", now, on=on, complex_id=view.complex, details=told)
    except NoGateway as error:
        raise HTTPException(409, "this gateway was replaced already") from error
    house.desired.ring({view.complex})
    return see(f"/gateways/{view.id}#found")


@router.post("/tags")
async def tags(request: Request, identity: str, person: Operating, form: Form) -> Response:
    """Its tags, by which gateways are chosen for what many shall go by."""
    house: House = house_of(request)
    words = field(form, "tags", 1_000).replace("，", ",").split(",")
    wanted = sorted({word.strip()[: past_views.MOST_TAG_SIGNS] for word in words if word.strip()})
    async with house.db.write() as connection:
        view = await _found(connection, person, identity)
        await past_views.put_tags(connection, view.id, wanted[: past_views.MOST_TAGS])
        on = Subject("gateway", view.id)
        record(connection, person.actor, "gateway.tagged", house.now(), on=on, complex_id=view.complex)
    return see(f"/gateways/{view.id}")


async def _found(connection: AsyncConnection, person: Person, identity: str) -> GatewayView:
    """Raises HTTPException 404, also for one that the person may not see."""
    view = await gateway_views.whole(connection, person.scope, identity)
    if view is None:
        raise HTTPException(404, "no such gateway")
    return view
