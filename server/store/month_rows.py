"""Statements on a complex's months: sums of the ledger by day, exits by how they ended, what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.plates import mask
from server.store.engine import unstamp
from server.store.schema import (
    bill_item,
    charge,
    complex_,
    journal,
    journal_line,
    ledger_balance,
    payment,
    session,
    session_act,
    vehicle_pass,
)
from server.store.scope import Scope, within

EXITS = ("paid", "pass", "exempt", "manual", "unpaid")
MOST_UNPAID, MOST_OPEN = 50, 200


class DaySum(NamedTuple):
    """What an account moved by on a day."""

    account: str
    day: str
    fen: int


class OpenItem(NamedTuple):
    """What reconciliation left open: no key, for that may name a payment."""

    kind: str
    since: str
    fen: int


class Unpaid(NamedTuple):
    """Who left without paying: the plate masked, the day and no time."""

    plate: str
    day: str
    fen: int


class Place(NamedTuple):
    """A complex of the table over many."""

    id: str
    name: str
    timezone: str


async def by_day(connection: AsyncConnection, complex_id: str, first: date, last: date) -> list[DaySum]:
    """The lines themselves, not the cached sums: a month can be made anew from the ledger alone."""
    of = (journal_line.c.complex == journal.c.complex, journal_line.c.number == journal.c.number)
    query = select(journal_line.c.account, journal.c.business_day, func.sum(journal_line.c.fen).label("fen"))
    query = query.select_from(journal.join(journal_line, and_(*of))).where(journal.c.complex == complex_id)
    query = query.where(journal.c.business_day >= first.isoformat(), journal.c.business_day <= last.isoformat())
    rows = await connection.execute(query.group_by(journal_line.c.account, journal.c.business_day))
    return [DaySum(row.account, row.business_day, int(row.fen)) for row in rows]


async def sums_of(connection: AsyncConnection, complex_id: str, first: date, last: date) -> dict[tuple[str, str], int]:
    """By month and account, from the sums by day: for bars of many months."""
    month = func.substr(ledger_balance.c.business_day, 1, 7).label("month")
    query = select(month, ledger_balance.c.account, func.sum(ledger_balance.c.fen).label("fen"))
    query = query.where(ledger_balance.c.complex == complex_id, ledger_balance.c.business_day >= first.isoformat())
    query = query.where(ledger_balance.c.business_day <= last.isoformat()).group_by("month", ledger_balance.c.account)
    return {(row.month, row.account): int(row.fen) for row in await connection.execute(query)}


async def refunded(connection: AsyncConnection, complex_id: str, first: date, last: date) -> int:
    """What went back to drivers in those days: credits of channels and cash by journals of refunds. In fen."""
    line = journal_line
    of = (line.c.complex == journal.c.complex, line.c.number == journal.c.number)
    query = select(func.coalesce(func.sum(line.c.fen), 0)).select_from(journal.join(line, and_(*of)))
    query = query.where(journal.c.complex == complex_id, journal.c.source == "refund")
    query = query.where(journal.c.business_day >= first.isoformat(), journal.c.business_day <= last.isoformat())
    held = or_(line.c.account.startswith("clearing:"), line.c.account.startswith("cash:"))
    return -int((await connection.execute(query.where(held))).scalar_one())


async def journals_of(connection: AsyncConnection, complex_id: str, first: date, last: date) -> tuple[int, int] | None:
    """The first and the last number among the journals of those days; None where there are none."""
    query = select(func.min(journal.c.number), func.max(journal.c.number)).where(journal.c.complex == complex_id)
    query = query.where(journal.c.business_day >= first.isoformat(), journal.c.business_day <= last.isoformat())
    low, high = (await connection.execute(query)).one()
    return None if low is None else (low, high)


def _owed() -> Any:
    """Stays that ended, with what each costs now, and what was paid for it."""
    revisions = charge.alias("revisions")
    newest = (
        select(func.max(revisions.c.revision))
        .where(revisions.c.complex == session.c.complex, revisions.c.session == session.c.id)
        .correlate(session)
        .scalar_subquery()
    )
    same = (charge.c.complex == session.c.complex, charge.c.session == session.c.id, charge.c.revision == newest)
    settled = (
        select(func.coalesce(func.sum(payment.c.amount_fen), 0))
        .where(payment.c.complex == session.c.complex, payment.c.session == session.c.id, payment.c.status == "paid")
        .correlate(session)
        .scalar_subquery()
    )
    let_off = _let_off("waive", "discount")
    holder = (vehicle_pass.c.complex == session.c.complex, vehicle_pass.c.plate == session.c.plate)
    lasts = vehicle_pass.c.until_day >= func.substr(session.c.exited_at, 1, 10)
    is_held = or_(vehicle_pass.c.ended_at.is_(None), vehicle_pass.c.ended_at > session.c.exited_at)
    has_pass = select(vehicle_pass.c.id).where(*holder, lasts, is_held).correlate(session).exists()
    columns = (session.c.complex, session.c.plate, session.c.exited_at, charge.c.amount_fen, charge.c.reason)
    lost = _let_off("write_off").label("lost_fen")
    query = select(*columns, settled.label("paid_fen"), let_off.label("off_fen"), lost, has_pass.label("has_pass"))
    query = query.select_from(session.outerjoin(charge, and_(*same)))
    return query.where(session.c.exited_at.is_not(None), session.c.state.in_(("exited", "no_entry")))


def _let_off(*kinds: str) -> Any:
    """What somebody decided about a stay's money."""
    same = (session_act.c.complex == session.c.complex, session_act.c.session == session.c.id)
    query = select(func.coalesce(func.sum(session_act.c.amount_fen), 0)).where(*same, session_act.c.kind.in_(kinds))
    return query.correlate(session).scalar_subquery()


async def exits(connection: AsyncConnection, complex_id: str, since: str, until: str) -> dict[str, int]:
    """How many left in ``[since, until)``, by how it ended."""
    here = (session.c.complex == complex_id, session.c.exited_at >= since, session.c.exited_at < until)
    owed = _owed().where(*here).subquery()
    is_priced = owed.c.reason.in_(("priced", "corrected"))
    kind = case(
        (and_(owed.c.paid_fen > 0, owed.c.paid_fen + owed.c.off_fen >= owed.c.amount_fen), "paid"),
        (owed.c.has_pass, "pass"),
        (and_(is_priced, owed.c.off_fen >= owed.c.amount_fen), "exempt"),
        (is_priced, "unpaid"),
        else_="manual",
    ).label("kind")
    rows = await connection.execute(select(kind, func.count().label("many")).group_by(kind))
    found = {row.kind: int(row.many) for row in rows}
    return {name: found.get(name, 0) for name in EXITS}


async def unpaid(connection: AsyncConnection, complex_id: str, since: str, until: str, zone: ZoneInfo) -> list[Unpaid]:
    """Who left in ``[since, until)`` without paying all, the largest sums first."""
    here = (session.c.complex == complex_id, session.c.exited_at >= since, session.c.exited_at < until)
    owed = _owed().where(*here).subquery()
    left = owed.c.amount_fen - owed.c.paid_fen - owed.c.off_fen - owed.c.lost_fen
    query = select(owed.c.plate, owed.c.exited_at, left.label("fen")).where(left > 0, ~owed.c.has_pass)
    rows = await connection.execute(query.order_by(left.desc(), owed.c.exited_at).limit(MOST_UNPAID))
    return [_unpaid(row, zone) for row in rows]


def _unpaid(row: Any, zone: ZoneInfo) -> Unpaid:
    day = unstamp(row.exited_at).astimezone(zone).date().isoformat()
    return Unpaid(mask(row.plate), day, int(row.fen))


async def open_items(connection: AsyncConnection, complex_id: str, last: date, until: str) -> list[OpenItem]:
    """What was open at a midnight, and had begun by the day before it; the oldest first."""
    table = bill_item
    query = select(table).where(table.c.complex == complex_id, table.c.since <= last.isoformat())
    later = or_(table.c.closed_at.is_(None), table.c.closed_at >= until)
    rows = await connection.execute(query.where(later).order_by(table.c.since, table.c.key).limit(MOST_OPEN))
    return [OpenItem(row["class"], row["since"], _worth(row)) for row in rows.mappings()]


def _worth(row: Any) -> int:
    bill, local = row["bill_fen"], row["local_fen"]
    return abs(bill - local) if bill is not None and local is not None and bill != local else abs(bill or local or 0)


async def places(connection: AsyncConnection, scope: Scope) -> list[Place]:
    query = select(complex_.c.id, complex_.c.name, complex_.c.timezone).where(within(complex_.c.id, scope))
    rows = await connection.execute(query.order_by(complex_.c.name, complex_.c.id))
    return [Place(row.id, row.name, row.timezone) for row in rows]


async def sums_over(
    connection: AsyncConnection, scope: Scope, first: date, last: date, heads: Sequence[str]
) -> dict[str, dict[str, int]]:
    """By complex and account, of accounts below some heads."""
    table = ledger_balance
    query = select(table.c.complex, table.c.account, func.sum(table.c.fen).label("fen"))
    query = query.where(within(table.c.complex, scope), or_(*(table.c.account.startswith(head) for head in heads)))
    query = query.where(table.c.business_day >= first.isoformat(), table.c.business_day <= last.isoformat())
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in await connection.execute(query.group_by(table.c.complex, table.c.account)):
        found[row.complex][row.account] = int(row.fen)
    return found
