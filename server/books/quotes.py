"""What a car owes at a moment, for every desk: of one that is inside by the tariff, of one that has left by the books.

The driver's page and the cash desk ask here alike, and the fee is that of the barrier and of the book of charges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.parking import Session
from domain.tariff import BadStay, LotTariff, NoPrice
from domain.tariff.fee import Line
from server.books.pricing import fee_upto
from server.store import payment_rows, settlement
from server.store.engine import unstamp
from server.store.lane_settings import grace_of
from server.store.schema import charge

GOOD_FOR = timedelta(minutes=15)  # so long a person may take to pay what was quoted
State = Literal["due", "paid", "free", "exempt", "unpriced", "not_charged", "left"]
Row = Mapping[str, Any]


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The whole fee up to ``at``, explained, and what of it is still to be paid.

    ``paid_fen``: paid or let off, less what goes back. ``until``: leave by then; only of what is paid. ``why_not``:
    there is no price. A debt of a car that has left is ``left``, and can be paid where it is one in the books.
    """

    session: str
    plate: str
    kind: Literal["session", "debt"] = "session"
    entered_at: datetime | None
    exited_at: datetime | None
    state: State
    at: datetime
    fee_fen: int = 0
    paid_fen: int = 0
    due_fen: int = 0
    lines: tuple[Line, ...] = ()
    until: datetime | None = None
    why_not: str = ""

    @property
    def payable_fen(self) -> int:
        """What a driver may pay by themselves: of a stay that ended only what stands as a debt."""
        return self.due_fen if self.state == "due" or self.kind == "debt" else 0


async def quote(
    connection: AsyncConnection, complex_id: str, identity: str, lot: LotTariff | None, at: datetime
) -> Quote | None:
    """What a session owes; None where there is no such session."""
    stay = await payment_rows.stay(connection, complex_id, identity)
    return None if stay is None else await of_stay(connection, stay, lot, at)


async def of_stay(connection: AsyncConnection, stay: Row, lot: LotTariff | None, at: datetime) -> Quote:
    """The same of a session's row with its complex's time zone."""
    stands = await settlement.of_session(connection, stay["complex"], stay["id"])
    rows = await payment_rows.of_session(connection, stay["complex"], stay["id"])
    paid = [row for row in rows if row["status"] == "paid"]
    back = await payment_rows.refunds_of(connection, stay["complex"], [row["out_trade_no"] for row in paid])
    made = Quote(
        session=stay["id"],
        plate=stay["plate"],
        kind="debt" if stands.debt_fen > 0 else "session",
        entered_at=stay["entered_at"] and unstamp(stay["entered_at"]),
        exited_at=stay["exited_at"] and unstamp(stay["exited_at"]),
        state="left",
        at=at,
        paid_fen=stands.charged_fen - stands.owed_fen - _going_back(back),
    )
    if stay["state"] != "inside":
        return await _of_the_books(connection, stay, made)
    return await _of_the_tariff(connection, stay, lot, made, paid)


def _going_back(refunds: Sequence[Row]) -> int:
    """What of the payments is to go back and has not."""
    on_its_way = (row for row in refunds if row["status"] in payment_rows.COUNTED and row["status"] != "success")
    return sum(row["amount_fen"] for row in on_its_way)


async def _of_the_books(connection: AsyncConnection, stay: Row, made: Quote) -> Quote:
    here = (charge.c.complex == stay["complex"], charge.c.session == stay["id"])
    query = select(charge.c.amount_fen, charge.c.lines, charge.c.note).where(*here).order_by(charge.c.revision.desc())
    booked = (await connection.execute(query.limit(1))).first()
    if booked is None:
        return msgspec.structs.replace(made, why_not="not charged")
    fee_fen, lines = booked.amount_fen, msgspec.convert(booked.lines, tuple[Line, ...])
    due_fen = max(0, fee_fen - made.paid_fen)
    return msgspec.structs.replace(made, fee_fen=fee_fen, due_fen=due_fen, lines=lines, why_not=booked.note or "")


async def _of_the_tariff(
    connection: AsyncConnection, stay: Row, lot: LotTariff | None, made: Quote, paid: Sequence[Row]
) -> Quote:
    if lot is None:
        return msgspec.structs.replace(made, state="not_charged", why_not="no tariff")
    upto, until = await _reckoned(connection, stay["complex"], made.at, paid)
    try:
        fee_fen, lines = await fee_of(connection, lot, stay, upto)
    except (NoPrice, BadStay) as error:
        return msgspec.structs.replace(made, state="unpriced", why_not=str(error))
    due_fen = max(0, fee_fen - made.paid_fen)
    state: State = "due" if due_fen else "paid" if made.paid_fen else "free"
    if not fee_fen and await _has_pass(connection, stay, made.at):
        state = "exempt"
    said = {"fee_fen": fee_fen, "due_fen": due_fen, "lines": lines, "until": None if due_fen else until}
    return msgspec.structs.replace(made, state=state, at=upto, **said)


async def _reckoned(
    connection: AsyncConnection, complex_id: str, at: datetime, paid: Sequence[Row]
) -> tuple[datetime, datetime | None]:
    """Up to when the fee runs: who paid has the exit's time to leave, and until when."""
    last = max((unstamp(row["quoted_at"] or row["paid_at"]) for row in paid), default=None)
    if last is None or not last <= at <= (until := last + await grace_of(connection, complex_id)):
        return at, None
    return last, until


async def _has_pass(connection: AsyncConnection, stay: Row, at: datetime) -> bool:
    today = at.astimezone(ZoneInfo(stay["timezone"] or "Asia/Shanghai")).date()
    return await payment_rows.has_pass(connection, stay["complex"], stay["plate"], today.isoformat())


async def fee_of(
    connection: AsyncConnection, lot: LotTariff, stay: Row, upto: datetime
) -> tuple[int, tuple[Line, ...]]:
    """The fee of a stay up to a moment, and its explanation. Raises NoPrice, BadStay."""
    began = stay["entered_at"] and unstamp(stay["entered_at"])
    session = Session(id=b"", plate=stay["plate"], color=stay["plate_color"], state="inside", entered_at=began)
    made = await fee_upto(connection, stay["complex"], stay["id"], lot, session, upto)
    return made.fee_fen, made.lines


def net(paid: Sequence[Row], refunds: Sequence[Row]) -> int:
    """What was paid and stays."""
    back = sum(row["amount_fen"] for row in refunds if row["status"] in payment_rows.COUNTED)
    return sum(row["amount_fen"] for row in paid) - back
