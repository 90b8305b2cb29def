"""A refund's number, and what becomes of it when its provider says that the money has gone back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.books import settling
from server.payments.provider import Refunded
from server.store import payment_rows
from server.store.engine import stamp

Row = Mapping[str, Any]


def refund_number(out_trade_no: str, count: int) -> str:
    """The n-th refund of a payment."""
    return f"R{count}{out_trade_no}"


async def settle(connection: AsyncConnection, found: Row, told: Refunded, now: datetime) -> bool:
    """What a provider says of a refund on its way; booked once, when it is through. Whether it changed anything."""
    if found["status"] != "processing" or told.state not in ("success", "failed"):
        return False
    values = {"status": told.state, "done_at": stamp(told.done_at or now), "provider_no": told.provider_no or None}
    await payment_rows.change_refund(connection, found["complex"], found["out_refund_no"], **values)
    if told.state == "success":
        row = await payment_rows.by_number(connection, found["out_trade_no"])
        if row is not None:
            await settling.refunded(connection, {**found, **values}, row, now)
    return True
