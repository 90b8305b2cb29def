"""Orders in the database: given to one gateway until it has them on its disk, or until they expire."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import Order
from server.store.engine import stamp
from server.store.schema import gateway, gateway_order

_AT_ONCE = 32
_OPEN_ORDERS = (
    select(gateway_order)
    .where(
        gateway_order.c.gateway.in_(bindparam("gateways", expanding=True)),
        gateway_order.c.received_at.is_(None),
        gateway_order.c.expires_at > bindparam("now"),
    )
    .order_by(gateway_order.c.number)
)


class _Listed(msgspec.Struct):
    id: str


class _Status(msgspec.Struct):
    """What a hello says of the gateway's devices."""

    devices: list[_Listed] = []


class NoGateway(Exception):
    """No gateway can be told to do it; the message says why."""


async def place(connection: AsyncConnection, complex_id: str, order: Order, gateway_id: str | None = None) -> str:
    """Keep an order for a gateway of the complex; which one. Raises NoGateway."""
    chosen = await _gateway_of(connection, complex_id, order.device, gateway_id)
    row = msgspec.to_builtins(order, builtin_types=(datetime,))
    row |= {"issued_at": stamp(order.issued_at), "expires_at": stamp(order.expires_at)}
    await connection.execute(gateway_order.insert().values(**row, complex=complex_id, gateway=chosen))
    return chosen


async def _gateway_of(connection: AsyncConnection, complex_id: str, device: str, named: str | None) -> str:
    """The one that is named, the only one, or the only one that lists the device: two would both do it."""
    alive = (gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    rows = (await connection.execute(select(gateway.c.id, gateway.c.status).where(*alive))).all()
    if named is not None:
        found = [row for row in rows if row.id == named]
    else:
        found = rows if len(rows) == 1 else [row for row in rows if _lists(row.status, device)]
    if len(found) == 1:
        return found[0].id
    if named is not None:
        raise NoGateway(f"{complex_id} has no gateway {named} in use")
    what = "no gateway" if not rows else f"{len(rows)} gateways, {len(found)} of which list {device}"
    raise NoGateway(f"{complex_id} has {what}; name one with --gateway")


def _lists(status: Any, device: str) -> bool:
    return any(entry.id == device for entry in msgspec.convert(status or {}, _Status).devices)


async def open_orders(connection: AsyncConnection, gateways: Collection[str], now: datetime) -> dict[str, list[Order]]:
    """gateway -> what it does not have yet and may still do, the oldest first; no entry for those that have all."""
    found: dict[str, list[Order]] = {}
    asked = {"gateways": list(gateways), "now": stamp(now)}
    for row in (await connection.execute(_OPEN_ORDERS, asked)).mappings():
        of_one = found.setdefault(row["gateway"], [])
        if len(of_one) < _AT_ONCE:
            of_one.append(msgspec.convert(row, Order))
    return found


async def note_handed(connection: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    """They are on their way; the first time counts."""
    first = update(gateway_order).where(gateway_order.c.id.in_(ids), gateway_order.c.handed_at.is_(None))
    await connection.execute(first.values(handed_at=stamp(now)))


async def note_received(connection: AsyncConnection, gateway_id: str, ids: Collection[str], now: datetime) -> None:
    """The gateway has them on its disk; only its own count."""
    mine = (gateway_order.c.gateway == gateway_id, gateway_order.c.id.in_(ids), gateway_order.c.received_at.is_(None))
    await connection.execute(update(gateway_order).where(*mine).values(received_at=stamp(now)))
