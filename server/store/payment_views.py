"""What pages show of payments and refunds, within the asking person's scope."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, case, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.money_tables import payment, refund
from server.store.payment_tables import payment_order
from server.store.schema import complex_, session
from server.store.scope import Scope, within

STATES = ("pending", "paid", "closed")


class PaymentView(msgspec.Struct, frozen=True):
    """A payment; ``tell_at``: a gateway has not confirmed yet that it knows."""

    complex: str
    complex_name: str
    timezone: str
    out_trade_no: str
    channel: str
    kind: str
    session: str | None
    lane: str | None
    amount_fen: int
    status: str
    asked_at: datetime
    quoted_at: datetime | None
    paid_at: datetime | None
    provider_no: str | None
    receipt: int | None
    by: str | None
    merchant: str | None = None
    tells: int | None = None
    tell_at: datetime | None = None


class RefundView(msgspec.Struct, frozen=True):
    """A refund."""

    complex: str
    complex_name: str
    timezone: str
    out_refund_no: str
    out_trade_no: str
    channel: str
    amount_fen: int
    status: str
    reason: str
    proposed_at: datetime
    proposed_by: str
    approved_at: datetime | None
    approved_by: str | None
    done_at: datetime | None


class PaymentFilter(msgspec.Struct, frozen=True):
    """Empty fields do not restrict. ``before`` is the last row of the page before: asked_at, number."""

    complex: str = ""
    status: str = ""
    before: tuple[str, str] | None = None


def _payments(scope: Scope) -> Select[Any]:
    same = and_(payment_order.c.complex == payment.c.complex, payment_order.c.out_trade_no == payment.c.out_trade_no)
    beside = (payment_order.c.merchant, payment_order.c.tells, payment_order.c.tell_at)
    query = select(*payment.columns, complex_.c.name.label("complex_name"), complex_.c.timezone, *beside)
    query = query.join(complex_, complex_.c.id == payment.c.complex).outerjoin(payment_order, same)
    return query.where(within(payment.c.complex, scope))


async def payments(connection: AsyncConnection, scope: Scope, chosen: PaymentFilter, limit: int) -> list[PaymentView]:
    """The latest asked for first."""
    query, table = _payments(scope), payment
    if chosen.complex:
        query = query.where(table.c.complex == chosen.complex)
    if chosen.status:
        query = query.where(table.c.status == chosen.status)
    if chosen.before:
        at, number = chosen.before
        same = and_(table.c.asked_at == at, table.c.out_trade_no < number)
        query = query.where((table.c.asked_at < at) | same)
    query = query.order_by(table.c.asked_at.desc(), table.c.out_trade_no.desc()).limit(limit)
    return [msgspec.convert(row, PaymentView) for row in (await connection.execute(query)).mappings()]


async def one(connection: AsyncConnection, scope: Scope, complex_id: str, number: str) -> PaymentView | None:
    mine = (payment.c.complex == complex_id, payment.c.out_trade_no == number)
    row = (await connection.execute(_payments(scope).where(*mine))).mappings().first()
    return None if row is None else msgspec.convert(row, PaymentView)


async def plates_of(connection: AsyncConnection, stays: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str], str]:
    """The plates of stays, by complex and id."""
    wanted = sorted({(place, one) for place, one in stays if one})
    query = select(session.c.complex, session.c.id, session.c.plate)
    rows = await connection.execute(query.where(tuple_(session.c.complex, session.c.id).in_(wanted)))
    return {(row.complex, row.id): row.plate for row in rows}


async def plates_paid(connection: AsyncConnection, numbers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The plates of payments, by complex and number."""
    same = and_(session.c.complex == payment.c.complex, session.c.id == payment.c.session)
    query = select(payment.c.complex, payment.c.out_trade_no, session.c.plate).join(session, same)
    rows = await connection.execute(query.where(tuple_(payment.c.complex, payment.c.out_trade_no).in_(sorted(numbers))))
    return {(row.complex, row.out_trade_no): row.plate for row in rows}


def _refunds(scope: Scope) -> Select[Any]:
    query = select(*refund.columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    return query.join(complex_, complex_.c.id == refund.c.complex).where(within(refund.c.complex, scope))


async def refunds(connection: AsyncConnection, scope: Scope, limit: int) -> list[RefundView]:
    """Those that wait for a person first, then those on their way, then the latest."""
    rank = case((refund.c.status == "proposed", 0), (refund.c.status == "processing", 1), else_=2)
    query = _refunds(scope).order_by(rank, refund.c.proposed_at.desc(), refund.c.out_refund_no).limit(limit)
    return [msgspec.convert(row, RefundView) for row in (await connection.execute(query)).mappings()]


async def refunds_of(connection: AsyncConnection, scope: Scope, complex_id: str, number: str) -> list[RefundView]:
    mine = (refund.c.complex == complex_id, refund.c.out_trade_no == number)
    query = _refunds(scope).where(*mine).order_by(refund.c.proposed_at)
    return [msgspec.convert(row, RefundView) for row in (await connection.execute(query)).mappings()]


async def refund_named(connection: AsyncConnection, scope: Scope, complex_id: str, number: str) -> RefundView | None:
    mine = (refund.c.complex == complex_id, refund.c.out_refund_no == number)
    row = (await connection.execute(_refunds(scope).where(*mine))).mappings().first()
    return None if row is None else msgspec.convert(row, RefundView)


async def place(connection: AsyncConnection, scope: Scope, complex_id: str) -> Any | None:
    """A complex's name and zone, where the person sees it."""
    mine = (complex_.c.id == complex_id, within(complex_.c.id, scope))
    query = select(complex_.c.id, complex_.c.name, complex_.c.timezone).where(*mine)
    return (await connection.execute(query)).mappings().first()
