"""The ledger as pages show it: balances of a month, accounts that must return to nothing with their age, journals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Booked
from domain.ledger.accounts import Kind, head_of, kind_of
from server.store import ledger_rows
from server.store.schema import journal, journal_line, ledger_balance, ledger_day, payment, refund, session_act

# What must come back to nothing: somebody has the money and will hand it on, or nobody knows whose it is.
MUST_RETURN = ("clearing", "cash:lane", "suspense:short", "suspense:long", "refund_payable")


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An account over some days, in fen, debit positive. ``since``: from which day on it has not been nothing, of
    accounts that must return to it."""

    account: str
    kind: Kind
    opening_fen: int
    moved_fen: int
    since: date | None = None

    @property
    def head(self) -> str:
        """What it stands under."""
        return head_of(self.account)

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.moved_fen


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A journal that moved an account, by how much, and the session or payment it came of."""

    booked: Booked
    fen: int
    session: str | None
    receipt: int | None


async def balances(connection: AsyncConnection, complex_id: str, first: date, last: date) -> list[Balance]:
    """Every account that moved in some days or is not nothing before them, at both ends: each shift had one."""
    before = await ledger_rows.balances(connection, complex_id, None, first - timedelta(days=1))
    moved = await ledger_rows.balances(connection, complex_id, first, last)
    since = await _since(connection, complex_id, last)
    return [
        Balance(
            account=one,
            kind=kind_of(one),
            opening_fen=before.get(one, 0),
            moved_fen=moved.get(one, 0),
            since=since.get(one),
        )
        for one in sorted({one for one, fen in before.items() if fen} | moved.keys())
    ]


async def _since(connection: AsyncConnection, complex_id: str, last: date) -> dict[str, date]:
    """From which day on an account that must return to nothing has not been nothing, where it is not now."""
    query = select(ledger_balance).where(
        ledger_balance.c.complex == complex_id, ledger_balance.c.business_day <= last.isoformat()
    )
    order = (ledger_balance.c.account, ledger_balance.c.business_day)
    sums, found = dict[str, int](), dict[str, date]()
    for row in await connection.execute(query.order_by(*order)):
        if head_of(row.account) not in MUST_RETURN:
            continue
        sums[row.account] = sums.get(row.account, 0) + row.fen
        if sums[row.account] == 0:
            found.pop(row.account, None)
        else:
            found.setdefault(row.account, date.fromisoformat(row.business_day))
    return found


async def entries(
    connection: AsyncConnection, complex_id: str, account: str, first: date, last: date, before: int, limit: int
) -> list[Entry]:
    """Journals that moved an account on some days, the newest first; before a number, where one is given."""
    same = and_(journal.c.complex == journal_line.c.complex, journal.c.number == journal_line.c.number)
    days = (journal.c.business_day >= first.isoformat(), journal.c.business_day <= last.isoformat())
    query = select(journal).join(journal_line, same).distinct()
    query = query.where(journal.c.complex == complex_id, journal_line.c.account == account, *days)
    if before:
        query = query.where(journal.c.number < before)
    rows = (await connection.execute(query.order_by(journal.c.number.desc()).limit(limit))).mappings().all()
    booked = [ledger_rows.booked_of(*raw) for raw in await ledger_rows.with_lines(connection, complex_id, rows)]
    sources = await _sources(connection, complex_id, booked)
    return [_entry(one, account, sources) for one in booked]


def _entry(booked: Booked, account: str, sources: dict[tuple[str, str], tuple[str | None, int | None]]) -> Entry:
    fen = sum(line.fen for line in booked.journal.lines if line.account == account)
    session, receipt = sources.get((booked.journal.source, booked.journal.source_id), (None, None))
    if booked.journal.source == "charge":
        session = booked.journal.source_id.partition("/")[0]
    return Entry(booked=booked, fen=fen, session=session, receipt=receipt)


async def _sources(
    connection: AsyncConnection, complex_id: str, booked: Iterable[Booked]
) -> dict[tuple[str, str], tuple[str | None, int | None]]:
    """By source and its id: the session it was about, and its receipt."""
    ids = {source: [one.journal.source_id for one in booked if one.journal.source == source] for source in _OF_ROWS}
    of_payment = select(payment.c.out_trade_no, payment.c.session, payment.c.receipt)
    of_payment = of_payment.where(payment.c.complex == complex_id, payment.c.out_trade_no.in_(ids["payment"]))
    same = and_(payment.c.complex == refund.c.complex, payment.c.out_trade_no == refund.c.out_trade_no)
    of_refund = select(refund.c.out_refund_no, payment.c.session, payment.c.receipt).join(payment, same)
    of_refund = of_refund.where(refund.c.complex == complex_id, refund.c.out_refund_no.in_(ids["refund"]))
    acts = select(session_act.c.id, session_act.c.session).where(session_act.c.complex == complex_id)
    found: dict[tuple[str, str], tuple[str | None, int | None]] = {}
    for source, query in (("payment", of_payment), ("refund", of_refund)):
        for row in await connection.execute(query):
            found[source, row[0]] = (row[1], row[2])
    for row in await connection.execute(acts.where(session_act.c.id.in_(ids["session"]))):
        found["session", row[0]] = (row[1], None)
    return found


_OF_ROWS = ("payment", "refund", "session")


async def locked(connection: AsyncConnection, complex_id: str, first: date, last: date) -> list[str]:
    """Days among some that are locked."""
    days = (ledger_day.c.day >= first.isoformat(), ledger_day.c.day <= last.isoformat())
    query = select(ledger_day.c.day).where(ledger_day.c.complex == complex_id, *days).order_by(ledger_day.c.day)
    return list((await connection.execute(query)).scalars())
