"""Cash that guards took at a gate without a shift of theirs: it waits until the desk has it in hand, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.masking import masked_text
from server.books import settling
from server.books.desk import NotDone
from server.store.schema import payment, refund

MOST = 200


async def unclaimed(connection: AsyncConnection, complex_id: str) -> Sequence[RowMapping]:
    """Cash of no shift that was not given back, the oldest first."""
    given = select(refund.c.out_trade_no).where(refund.c.complex == complex_id, refund.c.status == "success")
    query = select(payment).where(payment.c.complex == complex_id, payment.c.channel == "cash")
    query = query.where(payment.c.shift.is_(None), payment.c.status == "paid", payment.c.out_trade_no.not_in(given))
    return (
        (await connection.execute(query.order_by(payment.c.paid_at, payment.c.out_trade_no).limit(MOST)))
        .mappings()
        .all()
    )


async def claim(
    connection: AsyncConnection, shift: Mapping[Any, Any], numbers: Sequence[str], note: str, now: datetime
) -> int:
    """Take it into a shift that is open; how much it was. What is in a shift already stays there. Raises NotDone."""
    waiting = [row for row in await unclaimed(connection, shift["complex"]) if row["out_trade_no"] in numbers]
    if not waiting:
        raise NotDone("claimed")
    for row in waiting:
        await settling.claimed(connection, row, shift["id"], masked_text(note), now)
        same = (payment.c.complex == row["complex"], payment.c.out_trade_no == row["out_trade_no"])
        await connection.execute(update(payment).where(*same).values(shift=shift["id"]))
    return sum(row["amount_fen"] for row in waiting)
