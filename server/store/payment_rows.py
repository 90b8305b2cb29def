"""Rows of payments: orders by session, what is due to be looked after, refunds, and numbers of receipts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import settlement
from server.store.engine import stamp
from server.store.money_tables import payment, refund
from server.store.payment_tables import lane_car, payment_order, provider_notice
from server.store.resident_tables import vehicle_pass
from server.store.schema import complex_, session, session_act
from server.store.upsert import insert

Row = Mapping[str, Any]
_AT_ONCE, _MOST_DEBTS = 500, 50
COUNTED = ("proposed", "processing", "success")  # refunds that lessen what was paid: the money goes, or is gone
_BESIDE = ("merchant", "way", "address", "url", "call", "expires_at", "checks", "check_at", "told", "tells", "tell_at")


def _row(found: RowMapping) -> Row:
    return {str(name): value for name, value in found.items()}


async def _first(connection: AsyncConnection, query: Select[Any]) -> Row | None:
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else _row(found)


async def _all(connection: AsyncConnection, query: Select[Any]) -> list[Row]:
    return [_row(found) for found in (await connection.execute(query)).mappings()]


def _orders() -> Select[Any]:
    same = and_(payment_order.c.complex == payment.c.complex, payment_order.c.out_trade_no == payment.c.out_trade_no)
    beside = [payment_order.c[name] for name in _BESIDE]
    return select(*payment.columns, *beside).join(payment_order, same)


async def by_number(connection: AsyncConnection, out_trade_no: str) -> Row | None:
    """The order of ours that a provider names; a number is of one complex."""
    query = _orders().where(payment_order.c.out_trade_no == out_trade_no)
    return await _first(connection, query)


async def of_others(connection: AsyncConnection, complex_id: str, numbers: Collection[str]) -> set[str]:
    """Those of these orders that another complex asked for."""
    wanted, found = sorted(numbers), set[str]()
    for start in range(0, len(wanted), _AT_ONCE):
        named = payment.c.out_trade_no.in_(wanted[start : start + _AT_ONCE])
        query = select(payment.c.out_trade_no).where(named, payment.c.complex != complex_id)
        found |= set((await connection.execute(query)).scalars())
    return found


async def of_session(connection: AsyncConnection, complex_id: str, session_id: str) -> list[Row]:
    """Every payment that was asked for a stay, cash too, the oldest first."""
    query = select(payment).where(payment.c.complex == complex_id, payment.c.session == session_id)
    return await _all(connection, query.order_by(payment.c.asked_at, payment.c.out_trade_no))


async def orders_of(connection: AsyncConnection, complex_id: str, session_id: str) -> list[Row]:
    """Its orders at providers that nobody has paid or closed."""
    mine = (payment.c.complex == complex_id, payment.c.session == session_id, payment.c.status == "pending")
    return await _all(connection, _orders().where(*mine))


async def add(connection: AsyncConnection, row: Row, order: Row) -> None:
    await connection.execute(payment.insert().values(**row))
    key = {name: row[name] for name in ("complex", "out_trade_no")}
    await connection.execute(payment_order.insert().values(**key, **order))


async def change(connection: AsyncConnection, complex_id: str, number: str, **values: Any) -> None:
    """Of a payment."""
    mine = (payment.c.complex == complex_id, payment.c.out_trade_no == number)
    await connection.execute(update(payment).where(*mine).values(**values))


async def change_order(connection: AsyncConnection, complex_id: str, number: str, **values: Any) -> None:
    """Of what stands beside it."""
    mine = (payment_order.c.complex == complex_id, payment_order.c.out_trade_no == number)
    await connection.execute(update(payment_order).where(*mine).values(**values))


async def note(connection: AsyncConnection, row: Row) -> bool:
    """Whether a notice is new."""
    done = await connection.execute(insert(provider_notice).values(**row).on_conflict_do_nothing())
    return bool(done.rowcount)


async def due(connection: AsyncConnection, column: str, now: datetime, limit: int) -> list[Row]:
    """Orders that are to be looked after by now: ``check_at`` or ``tell_at``."""
    when = payment_order.c[column]
    query = _orders().where(when <= stamp(now)).order_by(when).limit(limit)
    return await _all(connection, query)


async def refunds_of(connection: AsyncConnection, complex_id: str, numbers: Collection[str]) -> list[Row]:
    mine = (refund.c.complex == complex_id, refund.c.out_trade_no.in_(numbers))
    return await _all(connection, select(refund).where(*mine).order_by(refund.c.proposed_at))


async def refund_by_number(connection: AsyncConnection, out_refund_no: str) -> Row | None:
    query = select(refund).where(refund.c.out_refund_no == out_refund_no)
    return await _first(connection, query)


async def change_refund(connection: AsyncConnection, complex_id: str, number: str, **values: Any) -> None:
    mine = (refund.c.complex == complex_id, refund.c.out_refund_no == number)
    await connection.execute(update(refund).where(*mine).values(**values))


async def refunds_on_their_way(connection: AsyncConnection, limit: int) -> list[Row]:
    query = select(refund).where(refund.c.status == "processing", refund.c.channel != "cash")
    return await _all(connection, query.order_by(refund.c.approved_at).limit(limit))


async def stay(connection: AsyncConnection, complex_id: str, session_id: str) -> Row | None:
    query = select(session, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.join(complex_, complex_.c.id == session.c.complex)
    mine = (session.c.complex == complex_id, session.c.id == session_id)
    return await _first(connection, query.where(*mine))


async def has_pass(connection: AsyncConnection, complex_id: str, plate: str, today: str) -> bool:
    """Whether a plate has a pass on a day."""
    mine = (vehicle_pass.c.complex == complex_id, vehicle_pass.c.canonical == plate)
    good = (vehicle_pass.c.until_day >= today, vehicle_pass.c.ended_at.is_(None))
    return (await connection.execute(select(vehicle_pass.c.id).where(*mine, *good).limit(1))).first() is not None


async def inside(connection: AsyncConnection, complex_id: str, plate: str) -> str | None:
    """The id of the stay of a plate that is inside."""
    mine = (session.c.complex == complex_id, session.c.plate == plate, session.c.state == "inside")
    query = select(session.c.id).where(*mine).order_by(session.c.begun_at.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def debts_of(connection: AsyncConnection, complex_id: str, plate: str) -> list[str]:
    """The ended stays of a plate by which it owes, the oldest first; the newest of them where there are many."""
    became = select(session_act.c.session).where(session_act.c.complex == complex_id, session_act.c.kind == "debt")
    mine = (session.c.complex == complex_id, session.c.plate == plate, session.c.state != "inside")
    query = select(session.c.id).where(*mine, session.c.id.in_(became)).order_by(session.c.begun_at.desc())
    found = list((await connection.execute(query.limit(_MOST_DEBTS))).scalars())
    stands = await settlement.of_sessions(connection, complex_id, found)
    return [one for one in reversed(found) if stands[one].debt_fen > 0]


async def lane(connection: AsyncConnection, complex_id: str, lane_id: str) -> Row | None:
    mine = (lane_car.c.complex == complex_id, lane_car.c.lane == lane_id)
    return await _first(connection, select(lane_car).where(*mine))


async def lane_of(connection: AsyncConnection, complex_id: str, plate: str) -> Row | None:
    """Where a car waits to pay."""
    mine = (lane_car.c.complex == complex_id, lane_car.c.plate == plate, lane_car.c.plate != "")
    return await _first(connection, select(lane_car).where(*mine).order_by(lane_car.c.at.desc()))


async def forget_cars(connection: AsyncConnection, before: str) -> None:
    """A car that was read long ago stands there no more."""
    old = (lane_car.c.plate != "", lane_car.c.at < before)
    await connection.execute(update(lane_car).where(*old).values(plate=""))
