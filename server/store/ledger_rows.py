"""Rows of the ledger: the end of a chain, journals by what names them, sums by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import START, Booked, Journal, Line
from server.store.bulk import add_up, insert_new, look_up, upsert
from server.store.bulk import insert as insert_rows
from server.store.engine import stamp, unstamp
from server.store.money_tables import journal, journal_line, ledger_balance, ledger_day, ledger_head
from server.store.upsert import insert

Key = tuple[str, str, str]  # source, kind, source_id
Raw = tuple[RowMapping, list[Line]]
Head = tuple[int, str]  # number and hash of a chain's newest journal
_JOURNAL = tuple(journal.columns.keys())
_LINE = tuple(journal_line.columns.keys())
_HEAD, _BALANCE = tuple(ledger_head.columns.keys()), tuple(ledger_balance.columns.keys())
_OF_COMPLEX = {"complex": "varchar"}
_HEADS = """SELECT ledger_head.complex, ledger_head.number, ledger_head.hash FROM wanted CROSS JOIN ledger_head
WHERE ledger_head.complex = wanted.complex"""
_LOCKED = """SELECT ledger_day.complex, ledger_day.day FROM wanted CROSS JOIN ledger_day
WHERE ledger_day.complex = wanted.complex"""
_AT_ONCE = 300


async def heads(connection: AsyncConnection, complexes: Sequence[str]) -> dict[str, Head]:
    """Number and hash of the newest journal of each complex, held until the transaction ends: one writer to a chain."""
    await insert_new(connection, ledger_head, _HEAD, [(one, 0, START) for one in complexes])
    held = " FOR UPDATE OF ledger_head" if connection.dialect.name == "postgresql" else ""
    rows = await look_up(connection, _OF_COMPLEX, [(one,) for one in complexes], _HEADS + held)
    return {complex_id: (number, last) for complex_id, number, last in rows}


async def head(connection: AsyncConnection, complex_id: str) -> Head:
    """The same of one complex."""
    return (await heads(connection, [complex_id]))[complex_id]


async def end(connection: AsyncConnection, complex_id: str) -> Head:
    """The same of a snapshot that is only read."""
    query = select(ledger_head.c.number, ledger_head.c.hash).where(ledger_head.c.complex == complex_id)
    row = (await connection.execute(query)).first()
    return (0, START) if row is None else (row.number, row.hash)


async def known(connection: AsyncConnection, complex_id: str, keys: Sequence[Key]) -> dict[Key, Booked]:
    """The journals among ``keys`` that are booked."""
    found: dict[Key, Booked] = {}
    named = tuple_(journal.c.source, journal.c.kind, journal.c.source_id)
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        query = select(journal).where(journal.c.complex == complex_id, named.in_(some))
        rows = (await connection.execute(query)).mappings().all()
        for row, lines in await with_lines(connection, complex_id, rows):
            booked = booked_of(row, lines)
            found[booked.journal.key] = booked
    return found


async def some(connection: AsyncConnection, complex_id: str, after: int, limit: int) -> list[Booked]:
    """Journals after a number, in order. Raises Unbalanced where one is damaged."""
    return [booked_of(row, lines) for row, lines in await rows_after(connection, complex_id, after, limit)]


async def rows_after(connection: AsyncConnection, complex_id: str, after: int, limit: int) -> list[Raw]:
    """The same as they lie, whatever was done to them."""
    query = select(journal).where(journal.c.complex == complex_id, journal.c.number > after)
    rows = (await connection.execute(query.order_by(journal.c.number).limit(limit))).mappings().all()
    return await with_lines(connection, complex_id, rows)


async def add(connection: AsyncConnection, booked: Mapping[str, Sequence[Booked]]) -> None:
    """Append journals of some complexes with their lines, move the heads, and add to the sums by day."""
    every = [(complex_id, one) for complex_id, of_complex in booked.items() for one in of_complex]
    await insert_rows(connection, journal, _JOURNAL, [_row(complex_id, one) for complex_id, one in every])
    lines = [
        (complex_id, one.number, place, line.account, line.fen)
        for complex_id, one in every
        for place, line in enumerate(one.journal.lines)
    ]
    await insert_rows(connection, journal_line, _LINE, lines)
    ends = {complex_id: (complex_id, one.number, one.hash) for complex_id, one in every}
    await upsert(connection, ledger_head, _HEAD, list(ends.values()))
    await add_up(connection, ledger_balance, _BALANCE, [(*key, fen) for key, fen in _sums(every).items()])


def _sums(booked: Iterable[tuple[str, Booked]]) -> dict[tuple[str, str, str], int]:
    sums: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for complex_id, one in booked:
        day = one.journal.business_day.isoformat()
        for line in one.journal.lines:
            sums[complex_id, line.account, day] += line.fen
    return sums


async def locked_days(connection: AsyncConnection, complexes: Sequence[str], since: date) -> dict[str, set[date]]:
    """Days from ``since`` on that nothing may be booked on, of the complexes that have some."""
    found: defaultdict[str, set[date]] = defaultdict(set)
    sql = f"{_LOCKED} AND ledger_day.day >= '{since.isoformat()}'"
    for complex_id, day in await look_up(connection, _OF_COMPLEX, [(one,) for one in complexes], sql):
        found[complex_id].add(date.fromisoformat(day))
    return found


async def lock_day(connection: AsyncConnection, complex_id: str, day: date, by: str, now: datetime) -> tuple[int, str]:
    """Let nothing be booked on a day any more, with the chain as it is; a day that is locked stays as it was."""
    number, chained = await head(connection, complex_id)
    row = {"complex": complex_id, "day": day.isoformat(), "locked_at": stamp(now), "locked_by": by}
    statement = insert(ledger_day).values(**row, number=number, hash=chained).on_conflict_do_nothing()
    await connection.execute(statement)
    query = select(ledger_day.c.number, ledger_day.c.hash).where(ledger_day.c.complex == complex_id)
    found = (await connection.execute(query.where(ledger_day.c.day == day.isoformat()))).one()
    return (found.number, found.hash)


async def balances(
    connection: AsyncConnection, complex_id: str, first: date | None = None, last: date | None = None
) -> dict[str, int]:
    """What each account moved by between two days, both included; all of its time where none is said. In fen."""
    query = select(ledger_balance.c.account, func.sum(ledger_balance.c.fen).label("fen"))
    query = query.where(ledger_balance.c.complex == complex_id)
    if first is not None:
        query = query.where(ledger_balance.c.business_day >= first.isoformat())
    if last is not None:
        query = query.where(ledger_balance.c.business_day <= last.isoformat())
    rows = await connection.execute(query.group_by(ledger_balance.c.account).order_by(ledger_balance.c.account))
    return {row.account: int(row.fen) for row in rows}


async def with_lines(connection: AsyncConnection, complex_id: str, rows: Sequence[RowMapping]) -> list[Raw]:
    """Rows of journals, each with its lines."""
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    numbers = [row["number"] for row in rows]
    query = select(journal_line).where(journal_line.c.complex == complex_id, journal_line.c.number.in_(numbers))
    for line in await connection.execute(query.order_by(journal_line.c.number, journal_line.c.place)):
        lines[line.number].append(Line(line.account, line.fen))
    return [(row, lines[row["number"]]) for row in rows]


def booked_of(row: RowMapping, lines: Sequence[Line]) -> Booked:
    """A journal from its row and its lines. Raises Unbalanced, UnknownAccount."""
    made = Journal(
        source=row["source"],
        kind=row["kind"],
        source_id=row["source_id"],
        occurred_at=unstamp(row["occurred_at"]),
        business_day=date.fromisoformat(row["business_day"]),
        memo=row["memo"],
        lines=tuple(lines),
        corrects=row["corrects"],
    )
    meant = row["meant_day"] and date.fromisoformat(row["meant_day"])
    place = {"number": row["number"], "prev_hash": row["prev_hash"], "hash": row["hash"]}
    return Booked(booked_at=unstamp(row["booked_at"]), journal=made, meant_day=meant, **place)


def _row(complex_id: str, one: Booked) -> tuple[Any, ...]:
    made, meant = one.journal, one.meant_day
    times = (stamp(made.occurred_at), stamp(one.booked_at), made.business_day.isoformat())
    chained = (meant and meant.isoformat(), made.memo, made.corrects, one.prev_hash, one.hash)
    return (complex_id, one.number, *made.key, *times, *chained)
