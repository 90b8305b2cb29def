"""The gateway hears of a payment by an order: in the same transaction as the payment, and again until it has it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import MAX_LIFE, Order
from server.store import order_rows, payment_rows
from server.store.engine import stamp, unstamp
from server.store.order_rows import NoGateway
from server.store.schema import gateway_order, order_result

BY = "payments"
_LIFE = MAX_LIFE - timedelta(seconds=1)
_LOOK_AGAIN = timedelta(seconds=20)
_MOST_TELLS = 5  # orders anew, where a gateway said that it did not do one
_NOT_DONE = frozenset({"refused", "expired", "timeout"})
Row = Mapping[str, Any]


async def tell(connection: AsyncConnection, row: Row, stay: Row, now: datetime) -> None:
    """Order ``lane.paid``. Where no gateway can be told just now, it is looked after later."""
    lane, gateway = await _where(connection, row, stay)
    tells = row["tells"] + 1
    number = hashlib.sha256(f"lane.paid/{row['complex']}/{row['out_trade_no']}/{tells}".encode()).hexdigest()[:32]
    args = {"plate": stay["plate"], "fen": row["amount_fen"], "at": row["quoted_at"]}
    order = Order(number, f"lane:{lane}", "lane.paid", now, now + _LIFE, BY, args)
    try:
        await order_rows.place(connection, row["complex"], order, gateway)
    except NoGateway:
        number, tells = row["told"], row["tells"]
    again = stamp(now + _LOOK_AGAIN)
    await payment_rows.change_order(
        connection, row["complex"], row["out_trade_no"], told=number, tells=tells, tell_at=again
    )


async def _where(connection: AsyncConnection, row: Row, stay: Row) -> tuple[str, str | None]:
    """Where the car waits; else where it was paid, or came in: that lane's gateway knows the stay."""
    waits = await payment_rows.lane_of(connection, row["complex"], stay["plate"])
    if waits is not None:
        return waits["lane"], waits["gateway"]
    for lane in (row["lane"], stay["entry_lane"]):
        known = await payment_rows.lane(connection, row["complex"], lane) if lane else None
        if known is not None:
            return known["lane"], known["gateway"]
    return row["lane"] or stay["entry_lane"] or "none", None


async def look_after(connection: AsyncConnection, row: Row, stay: Row | None, now: datetime) -> bool:
    """Whether something was ordered: the order again under its own id, which no gateway does twice, or a new one."""
    if stay is None or stay["state"] != "inside" or row["status"] != "paid":
        return await _leave(connection, row)
    if row["told"] is None:
        await tell(connection, row, stay, now)
        return True
    query = select(gateway_order).where(gateway_order.c.id == row["told"])
    found = (await connection.execute(query)).mappings().first()
    state = await _state(connection, row["told"])
    if state == "confirmed" or found is None:
        return await _leave(connection, row)
    if state in _NOT_DONE:
        if row["tells"] >= _MOST_TELLS:
            return await _leave(connection, row)
        await tell(connection, row, stay, now)
        return True
    return await _offer_again(connection, row, {str(name): value for name, value in found.items()}, now)


async def _state(connection: AsyncConnection, order_id: str) -> str | None:
    query = select(order_result.c.state).where(order_result.c.id == order_id)
    return (await connection.execute(query)).scalar()


async def _offer_again(connection: AsyncConnection, row: Row, order: Row, now: datetime) -> bool:
    """An order that no gateway came for lives on; one that a gateway has is waited for."""
    again = stamp(now + _LOOK_AGAIN)
    await payment_rows.change_order(connection, row["complex"], row["out_trade_no"], tell_at=again)
    if unstamp(order["expires_at"]) > now + _LOOK_AGAIN or order["received_at"] is not None:
        return False
    mine = gateway_order.c.id == order["id"]
    times = {"issued_at": stamp(now), "expires_at": stamp(now + _LIFE)}
    await connection.execute(update(gateway_order).where(mine).values(**times))
    return True


async def _leave(connection: AsyncConnection, row: Row) -> bool:
    await payment_rows.change_order(connection, row["complex"], row["out_trade_no"], tell_at=None)
    return False
