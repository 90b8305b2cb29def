"""One door within the asking person's scope, and the last orders for it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import Argument
from server.store import plan_things
from server.store.desired_views import OrderView
from server.store.reach_views import devices_of, doors_of
from server.store.schema import complex_, door, gateway_order, order_result
from server.store.scope import Scope, within

_SHOWN, _LOOKED_AT = 10, 100


class OneDoor(msgspec.Struct, frozen=True):
    """A door that was heard of, or that only a document names, also a lane's barrier: of that nothing is known."""

    complex: str
    complex_name: str
    timezone: str
    device: str
    point: str
    place: str | None = None
    state: str | None = None
    state_at: datetime | None = None
    last_result: str | None = None
    last_method: str | None = None
    last_access_at: datetime | None = None


class _Args(msgspec.Struct):
    """What an order's arguments say of the point."""

    point: object = ""


async def one(connection: AsyncConnection, scope: Scope, complex_id: str, device: str, point: str) -> OneDoor | None:
    here = (complex_.c.id == complex_id, within(complex_.c.id, scope))
    same = and_(door.c.complex == complex_.c.id, door.c.device == device, door.c.point == point)
    columns = [complex_.c.id.label("complex"), complex_.c.name.label("complex_name"), complex_.c.timezone]
    known = ("place", "state", "state_at", "last_result", "last_method", "last_access_at")
    said = [door.c[name] for name in known]
    query = select(*columns, door.c.device.label("heard"), *said).outerjoin(door, same).where(*here)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    said_of = {str(name): value for name, value in row.items()} | {"device": device, "point": point}
    if row["heard"] is None and (device, point) not in await doors_of(connection, complex_id):
        named = await plan_things.named(connection, complex_id, device, point)
        if named is None:
            return None
        said_of["place"] = named.name
    return msgspec.convert(said_of, OneDoor)


async def last_orders(connection: AsyncConnection, of: OneDoor) -> list[OrderView]:
    """The newest first, with what became of them."""
    result = (order_result.c.state, order_result.c.at, order_result.c.text)
    same = and_(order_result.c.gateway == gateway_order.c.gateway, order_result.c.id == gateway_order.c.id)
    here = (gateway_order.c.complex == of.complex, gateway_order.c.device == of.device)
    query = select(gateway_order, *result).outerjoin(order_result, same).where(*here)
    rows = await connection.execute(query.order_by(gateway_order.c.number.desc()).limit(_LOOKED_AT))
    mine = [row for row in rows.mappings() if msgspec.convert(row["args"], _Args).point == of.point]
    return [msgspec.convert(row, OrderView) for row in mine[:_SHOWN]]


async def open_with(connection: AsyncConnection, of: OneDoor, order: str) -> dict[str, Argument]:
    """What an order to open it must say beside its point: a door as the list of devices has it, a barrier its lane."""
    if order != "door.open":
        lane = (await plan_things.barriers_of(connection, of.complex)).get((of.device, of.point))
        return dict(lane.barrier.open_with) if lane else {}
    for device in await devices_of(connection, of.complex):
        for one_door in device.doors:
            if device.id == of.device and one_door.point == of.point:
                return dict(one_door.open_with)
    return {}
