"""Statements on public revenue: entries as they are drafted, what step followed, which documents they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.revenue import PUBLIC, SETTLED, Past, Standing
from server.store.engine import stamp
from server.store.schema import revenue_document, revenue_entry, revenue_step

MOST_DOCUMENTS = 40  # of one entry
MOST_ENTRIES = 20_000  # of one complex


class EntryView(msgspec.Struct, frozen=True):
    """Something that comes in or goes out."""

    complex: str
    number: int
    side: str
    kind: str
    title: str
    planned_fen: int
    earmark: int | None
    state: str
    round: int
    made_at: datetime
    made_by: str
    actual_fen: int | None
    day: str | None
    journal: int | None


class StepView(msgspec.Struct, frozen=True):
    """A step that was taken."""

    number: int
    action: str
    round: int
    at: datetime
    by: str
    role: str
    note: str
    votes_for: int | None
    votes_against: int | None


class DocumentView(msgspec.Struct, frozen=True):
    """A paper of an entry. ``is_public``: somebody said that it holds nothing personal."""

    entry: int
    sha256: str
    type: str
    size_bytes: int
    purpose: str
    title: str
    is_public: bool
    added_at: datetime
    added_by: str


class Balance(msgspec.Struct, frozen=True):
    """Earmarked income, and what is spent from it; planned is what is on its way."""

    number: int
    kind: str
    title: str
    income_fen: int
    spent_fen: int
    planned_fen: int

    @property
    def left_fen(self) -> int:
        return self.income_fen - self.spent_fen


async def entries(
    connection: AsyncConnection, complex_id: str, *, side: str = "", state: str = "", before: int = 0, limit: int = 50
) -> list[EntryView]:
    """The newest first; empty filters do not restrict. ``before``: the last number of the page before."""
    table = revenue_entry
    query = select(table).where(table.c.complex == complex_id)
    for name, value in (("side", side), ("state", state)):
        query = query.where(table.c[name] == value) if value else query
    query = query.where(table.c.number < before) if before else query
    rows = await connection.execute(query.order_by(table.c.number.desc()).limit(limit))
    return [msgspec.convert(row, EntryView) for row in rows.mappings()]


async def entry(connection: AsyncConnection, complex_id: str, number: int) -> EntryView | None:
    same = (revenue_entry.c.complex == complex_id, revenue_entry.c.number == number)
    row = (await connection.execute(select(revenue_entry).where(*same))).mappings().first()
    return None if row is None else msgspec.convert(row, EntryView)


async def published(connection: AsyncConnection, complex_id: str, first: str, last: str) -> list[EntryView]:
    """What owners may read of the days from ``first`` to ``last``: what is decided and open, and what was done then."""
    table = revenue_entry
    when = (table.c.day.is_(None)) | ((table.c.day >= first) & (table.c.day <= last))
    query = select(table).where(table.c.complex == complex_id, table.c.state.in_(sorted(PUBLIC)), when)
    rows = await connection.execute(query.order_by(table.c.number).limit(500))
    return [msgspec.convert(row, EntryView) for row in rows.mappings()]


async def add(connection: AsyncConnection, complex_id: str, by: str, now: datetime, **said: Any) -> int:
    """A new draft; its number."""
    newest = select(func.max(revenue_entry.c.number)).where(revenue_entry.c.complex == complex_id)
    number = 1 + ((await connection.execute(newest)).scalar() or 0)
    row = {"complex": complex_id, "number": number, "state": "draft", "round": 1, **said}
    await connection.execute(revenue_entry.insert().values(**row, made_at=stamp(now), made_by=by))
    return number


async def change(connection: AsyncConnection, complex_id: str, number: int, **values: Any) -> None:
    same = (revenue_entry.c.complex == complex_id, revenue_entry.c.number == number)
    await connection.execute(update(revenue_entry).where(*same).values(**values))


async def steps(connection: AsyncConnection, complex_id: str, number: int) -> list[StepView]:
    same = (revenue_step.c.complex == complex_id, revenue_step.c.entry == number)
    rows = await connection.execute(select(revenue_step).where(*same).order_by(revenue_step.c.number))
    return [msgspec.convert(row, StepView) for row in rows.mappings()]


def standing_of(found: EntryView, taken: Sequence[StepView]) -> Standing:
    """As the path asks: its draft first."""
    past = [Past("draft", found.made_by, 0), *(Past(one.action, one.by, one.round) for one in taken)]
    return Standing(found.state, found.round, past)


async def add_step(connection: AsyncConnection, complex_id: str, number: int, at: datetime, **said: Any) -> None:
    table = revenue_step
    newest = select(func.max(table.c.number)).where(table.c.complex == complex_id, table.c.entry == number)
    place = 1 + ((await connection.execute(newest)).scalar() or 0)
    row = {"complex": complex_id, "entry": number, "number": place, "at": stamp(at), **said}
    await connection.execute(table.insert().values(**row))


async def documents(connection: AsyncConnection, complex_id: str, numbers: Sequence[int]) -> list[DocumentView]:
    """Of several entries, in the order they came."""
    table = revenue_document
    query = select(table).where(table.c.complex == complex_id, table.c.entry.in_(numbers))
    rows = await connection.execute(query.order_by(table.c.entry, table.c.added_at, table.c.sha256))
    return [msgspec.convert(row, DocumentView, strict=False) for row in rows.mappings()]


async def add_document(connection: AsyncConnection, complex_id: str, number: int, **said: Any) -> None:
    await connection.execute(revenue_document.insert().values(complex=complex_id, entry=number, **said))


async def public_document(connection: AsyncConnection, complex_id: str, sha256: str) -> str | None:
    """The type of a paper that anyone may see: somebody said so, and its entry is published."""
    paper, of = revenue_document, revenue_entry
    query = select(paper.c.type).join(of, (of.c.complex == paper.c.complex) & (of.c.number == paper.c.entry))
    query = query.where(paper.c.complex == complex_id, paper.c.sha256 == sha256, paper.c.is_public == 1)
    return (await connection.execute(query.where(of.c.state.in_(sorted(PUBLIC))).limit(1))).scalar()


async def balances(connection: AsyncConnection, complex_id: str) -> list[Balance]:
    """Every income that something is spent from, with what is left of it."""
    table = revenue_entry
    query = select(table).where(table.c.complex == complex_id, table.c.state.not_in(("withdrawn", "reversed")))
    found = [msgspec.convert(row, EntryView) for row in (await connection.execute(query)).mappings()]
    spent, planned = defaultdict[int, int](int), defaultdict[int, int](int)
    for one in found:
        if one.earmark is not None and one.state in SETTLED:
            spent[one.earmark] += one.actual_fen or 0
        elif one.earmark is not None:
            planned[one.earmark] += one.planned_fen
    named = spent.keys() | planned.keys()
    incomes = (one for one in found if one.number in named or (one.side == "income" and one.state in SETTLED))
    return [_balance(one, spent[one.number], planned[one.number]) for one in incomes]


def _balance(one: EntryView, spent_fen: int, planned_fen: int) -> Balance:
    came = (one.actual_fen or 0) if one.state in SETTLED else 0
    return Balance(one.number, one.kind, one.title, came, spent_fen, planned_fen)
