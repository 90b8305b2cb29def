"""Debts as the page of debts shows them: of whom, how old, how often asked for, and what is proposed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import RowMapping, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store import settlement
from server.store.engine import unstamp
from server.store.schema import charge, reminder, session_proposal
from server.store.settlement import Settlement

_AT_ONCE = 500


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """A car that left and owes."""

    complex: str
    session: str
    plate: str
    entered_at: datetime
    exited_at: datetime
    stands: Settlement
    reminders: int
    reminded_at: datetime | None
    proposed: str | None  # waive | write_off
    proposed_fen: int | None
    proposed_by: str | None
    proposed_for: str | None


async def debts(connection: AsyncConnection, complex_id: str, session: str = "") -> list[Debt]:
    """What is owed at a complex by cars that left, the oldest first; of one session where it is named."""
    owing = [session] if session else await settlement.debtors(connection, complex_id)
    chunks = [owing[start : start + _AT_ONCE] for start in range(0, len(owing), _AT_ONCE)]
    found = [one for chunk in chunks for one in await _debts_of(connection, complex_id, chunk)]
    return sorted(found, key=lambda one: (one.exited_at, one.session))


async def _debts_of(connection: AsyncConnection, complex_id: str, sessions: list[str]) -> list[Debt]:
    stands = await settlement.of_sessions(connection, complex_id, sessions)
    told = func.count(reminder.c.id).label("reminders"), func.max(reminder.c.at).label("reminded_at")
    same = and_(reminder.c.complex == charge.c.complex, reminder.c.session == charge.c.session)
    by = (charge.c.complex, charge.c.session, charge.c.plate, charge.c.entered_at, charge.c.exited_at)
    proposal = session_proposal.alias()
    asked = (proposal.c.kind, proposal.c.amount_fen, proposal.c.proposed_by, proposal.c.reason)
    is_open = and_(
        proposal.c.complex == charge.c.complex, proposal.c.session == charge.c.session, proposal.c.decided_at.is_(None)
    )
    query = select(*by, *told, *asked).outerjoin(reminder, same).outerjoin(proposal, is_open)
    query = query.where(charge.c.complex == complex_id, charge.c.session.in_(sessions), charge.c.revision == _newest())
    rows = (await connection.execute(query.group_by(*by, *asked))).mappings()
    return [_debt(row, stands[row["session"]]) for row in rows]


def _debt(row: RowMapping, stands: Settlement) -> Debt:
    return Debt(
        complex=row["complex"],
        session=row["session"],
        plate=row["plate"],
        entered_at=unstamp(row["entered_at"]),
        exited_at=unstamp(row["exited_at"]),
        stands=stands,
        reminders=row["reminders"],
        reminded_at=row["reminded_at"] and unstamp(row["reminded_at"]),
        proposed=row["kind"],
        proposed_fen=row["amount_fen"],
        proposed_by=row["proposed_by"],
        proposed_for=row["reason"],
    )


def _newest() -> object:
    later = charge.alias()
    same = (later.c.complex == charge.c.complex, later.c.session == charge.c.session)
    return select(func.max(later.c.revision)).where(*same).correlate(charge).scalar_subquery()


def owed(found: Sequence[Debt]) -> int:
    """All of them together, in fen."""
    return sum(one.stands.debt_fen for one in found)
