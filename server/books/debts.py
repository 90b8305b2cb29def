"""Cars that left and did not pay: what they owe becomes a debt, once the money had its time to come."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.books.settling import act_row, discounted, to_debt
from server.cells import moves
from server.shard_reader import save_cursor
from server.store import settlement
from server.store.engine import Database, unstamp
from server.store.schema import cash_shift, charge, charge_session, complex_, cursor, lane_exit, payment, session_act
from server.store.settlement import Settlement

GRACE = timedelta(minutes=15)  # after a charge was booked: callbacks of payments come late
_READER, _EVERY = "debts", "all"
_LOOK_BACK = timedelta(days=2)
AT_ONCE = 500
ITSELF = "gatehouse"
_EXEMPT = frozenset({"pass", "white_list", "temporary_list", "emergency", "not_charged"})


async def sweep(db: Database, now: datetime) -> int:
    """Look at charges that are new and at debts whose money moved; how many journals came of it.

    Twice is once: what is a debt already is none again. A complex where nobody could have paid so far has no debts.
    """
    async with db.read() as connection:
        away = await moves.away(connection)  # nobody writes for those
        waiting, through = await _charged_since(connection, await _cursor(connection), now - GRACE)
        for complex_id in await _with_debts(connection):
            waiting[complex_id].update(await settlement.unsettled(connection, complex_id, now - _LOOK_BACK))
    count = 0
    for complex_id, sessions in waiting.items():
        if sessions and complex_id not in away:
            async with db.write(complex_id) as connection:
                count += await _settle(connection, complex_id, sorted(sessions), now)
    async with db.write() as connection:
        await save_cursor(connection, _READER, _EVERY, through)
    return count


async def look_at(connection: AsyncConnection, complex_id: str, session: str, now: datetime) -> bool:
    """Make a debt of what a session owes whose car has left, or less of one; whether anything moved."""
    return await _make(connection, complex_id, await settlement.of_session(connection, complex_id, session), now)


async def _charged_since(
    connection: AsyncConnection, position: int, before: datetime
) -> tuple[defaultdict[str, set[str]], int]:
    """Sessions with entries of the book after a number, up to those that are too new; and up to which number."""
    query = select(charge.c.number, charge.c.complex, charge.c.session, charge.c.booked_at)
    query = query.where(charge.c.number > position).order_by(charge.c.number).limit(AT_ONCE)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in await connection.execute(query):
        if unstamp(row.booked_at) > before:
            break
        found[row.complex].add(row.session)
        position = row.number
    return found, position


async def _cursor(connection: AsyncConnection) -> int:
    query = select(cursor.c.position).where(cursor.c.reader == _READER, cursor.c.shard == _EVERY)
    return (await connection.execute(query)).scalar() or 0


async def _with_debts(connection: AsyncConnection) -> list[str]:
    """Asked complex by complex: the first debt answers, where a walk over all that was ever decided would not end."""
    owing = exists().where(session_act.c.complex == complex_.c.id, session_act.c.kind == "debt")
    query = select(complex_.c.id).where(owing)
    return list((await connection.execute(query)).scalars())


async def _settle(connection: AsyncConnection, complex_id: str, sessions: list[str], now: datetime) -> int:
    left = await _could_pay(connection, complex_id, sessions)
    stand = await settlement.of_sessions(connection, complex_id, left)
    return sum([await _make(connection, complex_id, stand[one], now) for one in left])


async def _make(connection: AsyncConnection, complex_id: str, stands: Settlement, now: datetime) -> bool:
    """What is owed stands as a debt afterwards, and nothing else; what was paid too much stays as it is."""
    fen = max(0, stands.owed_fen) - stands.debt_fen
    if fen == 0:
        return False
    same = (session_act.c.complex == complex_id, session_act.c.session == stands.session, session_act.c.kind == "debt")
    number = (await connection.execute(select(func.count()).select_from(session_act).where(*same))).scalar_one()
    row = act_row(complex_id, f"debt/{stands.session}/{number}", stands.session, fen, ITSELF, now)
    if fen > 0 and (why := await _exempt(connection, complex_id, stands.session)) is not None:
        await discounted(connection, {**row, "reason": why}, "exempt", now)
        return True
    await to_debt(connection, row, now)
    return True


async def _exempt(connection: AsyncConnection, complex_id: str, session: str) -> str | None:
    """By which right its gateway let the car out without asking for money."""
    left = (lane_exit.c.lane == charge_session.c.exit_lane) & (lane_exit.c.at == charge_session.c.exited_at)
    query = select(lane_exit.c.reason).join(charge_session, left & (lane_exit.c.complex == charge_session.c.complex))
    query = query.where(charge_session.c.complex == complex_id, charge_session.c.id == session)
    reason = (await connection.execute(query)).scalar()
    return reason if reason in _EXEMPT else None


async def _could_pay(connection: AsyncConnection, complex_id: str, sessions: list[str]) -> list[str]:
    """Those whose cars left once somebody could pay here: the first order or shift before it answers."""
    left_at = charge.c.exited_at
    asked = exists().where(payment.c.complex == complex_id, payment.c.asked_at <= left_at)
    opened = exists().where(cash_shift.c.complex == complex_id, cash_shift.c.opened_at <= left_at)
    query = select(charge.c.session).where(charge.c.complex == complex_id, charge.c.session.in_(sessions))
    return sorted(set((await connection.execute(query.where(or_(opened, asked)))).scalars()))
