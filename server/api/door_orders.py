"""One door: how it is just now, what was ordered of it, and opening it from afar for a reason that is kept."""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.orders import Argument, Order
from server.api.who import OPENING, Opening, Watching
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.store import door_views, order_rows
from server.store.device_names import names_of
from server.store.door_views import OneDoor
from server.store.order_rows import NoGateway
from server.web.answers import house_of, page, see
from server.web.languages import N_

router = APIRouter(prefix="/doors")

_GOOD_FOR = timedelta(seconds=15)  # an order that comes later opens nothing
_ACTIONS = ("door.open", "barrier.open")
REASONS = {
    "forgot": N_("住户没带卡"),
    "visitor": N_("访客"),
    "delivery": N_("快递或送货"),
    "emergency": N_("紧急情况"),
    "repair": N_("维修或试门"),
    "other": N_("其他"),
}
_REFUSED = {"no_gateway": N_("没有哪台网关管这扇门，或者有几台。请到网关页看。")}


@router.get("/one")
async def one(
    request: Request, person: Watching, complex: str = "", device: str = "", point: str = "", refused: str = ""
) -> Response:
    """A door's state with its age, and what became of the last orders. Which door is said behind the question mark."""
    async with house_of(request).db.read() as connection:
        found = await _door(connection, person, complex, device, point) if device else None
        orders = await door_views.last_orders(connection, found) if found else []
        called = await names_of(connection, {(complex, device)} if found else ())
    if found is None:
        return see("/doors")
    query = urlencode({"complex": complex, "device": device, "point": point})
    context = {
        "door": found,
        "called": called,
        "orders": orders,
        "reasons": REASONS,
        "query": query,
        "actions": _ACTIONS,
    }
    words = _REFUSED.get(refused, "")
    return page(request, person, "door.html", may_open=person.may(*OPENING), refused=words, **context)


async def _door(connection: AsyncConnection, person: Person, complex_id: str, device: str, point: str) -> OneDoor:
    """Raises HTTPException 404 where the person sees no such door."""
    found = await door_views.one(connection, person.scope, complex_id, device, point)
    if found is None:
        raise HTTPException(404, "no such door")
    return found


@router.post("/open")
async def open_door(request: Request, person: Opening, form: Form) -> Response:
    """Order it open, once, within fifteen seconds; the audit keeps who, which and why."""
    house, reason = house_of(request), field(form, "reason", 32)
    complex_id, device, point = (field(form, name, 200) for name in ("complex", "device", "point"))
    name = field(form, "action", 32) or _ACTIONS[0]
    if reason not in REASONS or name not in _ACTIONS:
        raise HTTPException(422, "say why it is opened")
    async with house.db.read() as connection:
        door = await _door(connection, person, complex_id, device, point)
        args: dict[str, Argument] = {"point": point} if point else {}
        args |= await door_views.open_with(connection, door, name)
    back = "/doors/one?" + urlencode({"complex": complex_id, "device": device, "point": point})
    now = house.now()
    order = Order(
        secrets.token_hex(16),
        device,
        name,
        now,
        now + _GOOD_FOR,
        person.username,
        args,
    )
    why = ": ".join(part for part in (reason, field(form, "note", 200)) if part)
    try:
        async with house.db.write() as connection:
            chosen = await order_rows.place(connection, complex_id, order)
            told, on = {"device": device, "point": point, "name": name, "gateway": chosen}, Subject("order", order.id)
            record(
                connection, person.actor, "order.placed", now, on=on, complex_id=complex_id, reason=why, details=told
            )
    except NoGateway:
        return see(f"{back}&refused=no_gateway")
    house.desired.ring({complex_id})
    return see(back)
