"""Whether a complex's ledger is what was booked: its chain walked from the first journal, its sums made anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Select, String, and_, cast, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import START, Unbalanced, UnknownAccount, hash_of
from server.store import ledger_rows, settlement
from server.store.bulk import insert
from server.store.schema import charge, journal, journal_line, ledger_balance, ledger_day, payment, refund, session_act
from server.store.settlement import RECEIVABLE, Sums

_AT_ONCE, MOST_FAULTS = 500, 50
Cell = tuple[str, str]  # an account, and a day


class Verified(msgspec.Struct, kw_only=True):
    """How many journals were walked, the end of the chain, what is wrong (the first fifty), and I6."""

    complex: str
    journals: int = 0
    hash: str = START
    sums: Sums
    faults: list[str] = []


async def verify(
    connection: AsyncConnection, complex_id: str, progress: Callable[[int], None] = lambda _: None
) -> Verified:
    """Walk the chain: numbers without a gap, each hash over the one before, each journal in balance (so each prefix
    is), the days that were locked as they were; then the sums by day, each row of money against its journal, and I6."""
    found = Verified(complex=complex_id, sums=await settlement.sums(connection, complex_id))
    walk = _Walk(found, await _locked(connection, complex_id))
    while rows := await ledger_rows.rows_after(connection, complex_id, walk.number, _AT_ONCE):
        for row, lines in rows:
            walk.take(row, lines)
        progress(len(rows))
    walk.end(await ledger_rows.end(connection, complex_id))
    found.faults += [f"sum {said}" for said in await differing_sums(connection, complex_id)]
    found.faults += await _without_place(connection, complex_id)
    found.faults += await _without_journal(connection, complex_id)
    if found.sums.difference_fen:
        said = "of what was charged are neither paid, let off nor owed"
        found.faults.append(f"I6: {found.sums.difference_fen} fen {said}")
    del found.faults[MOST_FAULTS:]
    return found


class _Walk:
    """Where the walk is."""

    def __init__(self, found: Verified, locked: dict[str, tuple[int, str]]) -> None:
        self._found, self._locked = found, locked
        self._locked_at: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
        for day, (at, last) in sorted(locked.items()):
            self._locked_at[at].append((day, last))
        self.number, self._hash = 0, START

    def take(self, row: Any, lines: list[Any]) -> None:
        number: int = row["number"]
        if number != self.number + 1:
            up_to = "" if number == self.number + 2 else f", and all up to {number - 1}"
            self._fault(f"journal {self.number + 1} is missing{up_to}")
        elif row["prev_hash"] != self._hash:
            self._fault(f"journal {number} does not follow the one before it: something was put in, or changed places")
        self._content(row, lines)
        self._days(row)
        self.number, self._hash = number, row["hash"]
        self._found.journals, self._found.hash = self._found.journals + 1, self._hash

    def _content(self, row: Any, lines: list[Any]) -> None:
        number = row["number"]
        try:
            booked = ledger_rows.booked_of(row, lines)
        except (Unbalanced, UnknownAccount, ValueError) as error:
            self._fault(f"journal {number} was changed: {error}")
            return
        said = hash_of(row["prev_hash"], number, booked.journal, booked.booked_at, booked.meant_day)
        if said != row["hash"]:
            self._fault(f"journal {number} was changed: what it says is not what its hash was made of")

    def _days(self, row: Any) -> None:
        locked = self._locked.get(row["business_day"])
        if locked is not None and row["number"] > locked[0]:
            self._fault(f"journal {row['number']} was booked on {row['business_day']} after that day was locked")
        self._locks(row["number"], row["hash"])

    def _locks(self, number: int, chained: str) -> None:
        for day, last in self._locked_at.pop(number, ()):
            if last != chained:
                self._fault(f"the chain is not as it was when {day} was locked: journal {number} had another hash")

    def end(self, head: tuple[int, str]) -> None:
        """The chain ends where the next journal would follow, and behind all days that were locked."""
        self._locks(0, START)
        for number, days in sorted(self._locked_at.items()):
            for day, _ in days:
                self._fault(f"{day} was locked at journal {number}, and that is not there: the end was cut off")
        if head != (self.number, self._hash):
            self._fault(f"the chain ends at journal {self.number}, and {head[0]} was the last that was booked")

    def _fault(self, said: str) -> None:
        self._found.faults.append(said)


async def _locked(connection: AsyncConnection, complex_id: str) -> dict[str, tuple[int, str]]:
    rows = await connection.execute(select(ledger_day).where(ledger_day.c.complex == complex_id))
    return {row.day: (row.number, row.hash) for row in rows}


async def differing_sums(connection: AsyncConnection, complex_id: str) -> list[str]:
    """Where the sums that are kept by day are not those of the lines."""
    kept, made = await _kept(connection, complex_id), await _made(connection, complex_id)
    differing = sorted(cell for cell in kept.keys() | made.keys() if kept.get(cell, 0) != made.get(cell, 0))
    return [f"{cell[0]} {cell[1]}: kept {kept.get(cell, 0)}, lines {made.get(cell, 0)} fen" for cell in differing]


async def rebuild(connection: AsyncConnection, complex_id: str) -> list[str]:
    """Make the sums by day anew from the lines; where they were others."""
    differing = await differing_sums(connection, complex_id)
    made = await _made(connection, complex_id)
    await connection.execute(delete(ledger_balance).where(ledger_balance.c.complex == complex_id))
    rows = [(complex_id, account, day, fen) for (account, day), fen in sorted(made.items())]
    await insert(connection, ledger_balance, tuple(ledger_balance.columns.keys()), rows)
    return differing


async def _kept(connection: AsyncConnection, complex_id: str) -> dict[Cell, int]:
    rows = await connection.execute(select(ledger_balance).where(ledger_balance.c.complex == complex_id))
    return {(row.account, row.business_day): row.fen for row in rows}


async def _made(connection: AsyncConnection, complex_id: str) -> dict[Cell, int]:
    same = and_(journal.c.complex == journal_line.c.complex, journal.c.number == journal_line.c.number)
    by = (journal_line.c.account, journal.c.business_day)
    query = select(*by, func.sum(journal_line.c.fen).label("fen")).join(journal, same)
    rows = await connection.execute(query.where(journal_line.c.complex == complex_id).group_by(*by))
    return {(row.account, row.business_day): int(row.fen) for row in rows}


async def _without_place(connection: AsyncConnection, complex_id: str) -> list[str]:
    """What no walk meets: journals before the first, and lines of none."""
    before = select(journal.c.number).where(journal.c.complex == complex_id, journal.c.number < 1)
    same = and_(journal.c.complex == journal_line.c.complex, journal.c.number == journal_line.c.number)
    orphans = select(journal_line.c.number).where(journal_line.c.complex == complex_id).distinct()
    orphans = orphans.where(~select(journal.c.number).where(same).exists())
    early = (await connection.execute(before.limit(MOST_FAULTS))).scalars().all()
    lost = (await connection.execute(orphans.limit(MOST_FAULTS))).scalars().all()
    found = [f"journal {number} was put in: the first is 1" for number in early]
    return found + [f"there are lines of journal {number}, and no such journal" for number in lost]


async def _without_journal(connection: AsyncConnection, complex_id: str) -> list[str]:
    """Rows of money whose journal is not there, or moves other money."""
    named = charge.c.session + "/" + cast(charge.c.revision, String)
    decided = func.abs(session_act.c.amount_fen)
    owed, taken_off = journal_line.c.account == RECEIVABLE, journal_line.c.account.like("discount:%")
    queries = (
        _unlike(charge, "charge", charge.c.reason, named, charge.c.change_fen, of=owed),
        _unlike(charge, "charge", charge.c.reason, named, charge.c.discount_change_fen, of=taken_off),
        _unlike(payment, "payment", "paid", payment.c.out_trade_no, payment.c.amount_fen, payment.c.status == "paid"),
        _unlike(refund, "refund", "success", refund.c.out_refund_no, refund.c.amount_fen, refund.c.status == "success"),
        _unlike(session_act, "session", session_act.c.kind, session_act.c.id, decided),
    )
    found: list[str] = []
    for query in queries:
        for row in await connection.execute(query.where(query.selected_columns.complex == complex_id)):
            moved = "has no journal" if row.moved is None else f"moved {row.moved} fen in the ledger"
            found.append(f"{row.source} {row.source_id} of {row.fen} fen {moved}")
    return found


def _unlike(
    table: Any, source: str, kind: Any, source_id: Any, fen: Any, *where: Any, of: Any = journal_line.c.fen > 0
) -> Select[Any]:
    """Rows whose journals do not move the same; ``of``: by which of its lines."""
    same = and_(journal_line.c.complex == journal.c.complex, journal_line.c.number == journal.c.number)
    named = (journal.c.complex == table.c.complex, journal.c.source == source, journal.c.kind == kind)
    moved = (
        select(func.sum(journal_line.c.fen))
        .join(journal, same)
        .where(*named, journal.c.source_id == source_id, of)
        .correlate(table)
        .scalar_subquery()
    )
    said: Any = select(table.c.complex, cast(source, String).label("source"), source_id.label("source_id"))
    said = said.add_columns(fen.label("fen"), moved.label("moved"))
    return said.where(*where, fen != 0, func.coalesce(moved, -1) != fen).limit(MOST_FAULTS)
