"""What the cash desk shows: cars that may owe, the receipts of a shift, shifts with their counts, lanes to open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import desired_rows
from server.store.engine import stamp
from server.store.schema import cash_shift, complex_, payment, refund, session
from server.store.scope import Scope, within

_MOST, _LEFT_WITHIN = 20, timedelta(days=370)


async def cars(connection: AsyncConnection, complex_id: str, plate: str, now: datetime) -> Sequence[RowMapping]:
    """Stays of plates with these signs: of who is inside, and of who left in the last year; the newest first."""
    columns = (session.c.id, session.c.plate, session.c.plate_color, session.c.state, session.c.entered_at)
    query = select(*columns, session.c.exited_at).where(session.c.complex == complex_id)
    query = query.where(session.c.plate.contains(plate, autoescape=True), session.c.state.in_(("inside", "exited")))
    query = query.where(session.c.begun_at >= stamp(now - _LEFT_WITHIN))
    return (await connection.execute(query.order_by(session.c.begun_at.desc()).limit(_MOST))).mappings().all()


async def receipts(connection: AsyncConnection, complex_id: str, shift: str) -> Sequence[RowMapping]:
    """What was taken in a shift, the newest first, and whether it was given back."""
    same = (refund.c.complex == payment.c.complex) & (refund.c.out_trade_no == payment.c.out_trade_no)
    query = select(*payment.columns, refund.c.status.label("given_back")).outerjoin(refund, same)
    query = query.where(payment.c.complex == complex_id, payment.c.shift == shift)
    return (await connection.execute(query.order_by(payment.c.receipt.desc()).limit(200))).mappings().all()


async def receipt(connection: AsyncConnection, scope: Scope, complex_id: str, number: int) -> RowMapping | None:
    """A payment by its receipt's number, with its complex's name and its session's plate."""
    of_session = (session.c.complex == payment.c.complex) & (session.c.id == payment.c.session)
    stay = (session.c.plate, session.c.entered_at, session.c.exited_at)
    query = select(*payment.columns, *stay, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.join(complex_, complex_.c.id == payment.c.complex).outerjoin(session, of_session)
    same = (payment.c.complex == complex_id, payment.c.receipt == number, within(payment.c.complex, scope))
    return (await connection.execute(query.where(*same))).mappings().first()


async def shifts(connection: AsyncConnection, scope: Scope, complex_id: str, limit: int = 100) -> Sequence[RowMapping]:
    """The last shifts, the newest first."""
    query = select(*cash_shift.columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.join(complex_, complex_.c.id == cash_shift.c.complex).where(within(cash_shift.c.complex, scope))
    if complex_id:
        query = query.where(cash_shift.c.complex == complex_id)
    return (await connection.execute(query.order_by(cash_shift.c.opened_at.desc()).limit(limit))).mappings().all()


async def shift(connection: AsyncConnection, complex_id: str, identity: str) -> RowMapping | None:
    same = (cash_shift.c.complex == complex_id, cash_shift.c.id == identity)
    return (await connection.execute(select(cash_shift).where(*same))).mappings().first()


class _Lane(msgspec.Struct):
    id: str
    direction: str = ""
    name: str = ""


class _Lanes(msgspec.Struct):
    lanes: list[_Lane] = []


async def exits(connection: AsyncConnection, complex_id: str) -> Collection[tuple[str, str]]:
    """Lanes out that gateways of the complex decide: id and name."""
    version = (await desired_rows.newest_of(connection, [complex_id])).get(complex_id, {}).get("lanes")
    if version is None:
        return []
    found = msgspec.convert((await desired_rows.document(connection, complex_id, "lanes", version)).body, _Lanes)
    return [(lane.id, lane.name or lane.id) for lane in found.lanes if lane.direction == "out"]
