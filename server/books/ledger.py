"""The book of money: journals are appended once each, chained, and never on a day that is locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Booked, Journal, hash_of
from server.store import ledger_rows


class Differs(Exception):
    """What was booked under the same name says something else; a correction is a journal of its own."""


async def post(
    connection: AsyncConnection, complex_id: str, journals: Sequence[Journal], now: datetime
) -> list[Booked]:
    """Book journals of a complex, in their order; the same again is the one that is booked.

    Part of its caller's transaction. A journal of a locked day is booked on the first open day after it, and says
    which day it was meant for. Raises Differs.
    """
    if not journals:
        return []
    chain = await _Chains.of(connection, {complex_id: journals}, now)
    known = await ledger_rows.known(connection, complex_id, [one.key for one in journals])
    fresh: list[Booked] = []
    for one in journals:
        if (before := known.get(one.key)) is not None:
            _check_same(before, one)
            continue
        known[one.key] = booked = chain.next(complex_id, one)
        fresh.append(booked)
    if fresh:
        await ledger_rows.add(connection, {complex_id: fresh})
    return [known[one.key] for one in journals]


async def post_new(
    connection: AsyncConnection, journals: Mapping[str, Sequence[Journal]], now: datetime
) -> dict[str, list[Booked]]:
    """Book journals, by complex, of which the caller knows that they are new: many at once, a statement each.

    Part of its caller's transaction, which fails whole where one is booked already.
    """
    some = {complex_id: of_complex for complex_id, of_complex in journals.items() if of_complex}
    if not some:
        return {}
    chains = await _Chains.of(connection, some, now)
    booked = {complex_id: [chains.next(complex_id, one) for one in of] for complex_id, of in some.items()}
    await ledger_rows.add(connection, booked)
    return booked


class _Chains:
    """The ends of some complexes' chains, and their locked days."""

    def __init__(self, heads: dict[str, ledger_rows.Head], locked: Mapping[str, set[date]], now: datetime) -> None:
        self._heads, self._locked, self._now = heads, locked, now

    @classmethod
    async def of(cls, connection: AsyncConnection, journals: Mapping[str, Sequence[Journal]], now: datetime) -> _Chains:
        """Of the complexes of these journals, held until the transaction ends."""
        complexes = sorted(journals)
        heads = await ledger_rows.heads(connection, complexes)
        since = min(one.business_day for of_complex in journals.values() for one in of_complex)
        return cls(heads, await ledger_rows.locked_days(connection, complexes, since), now)

    def next(self, complex_id: str, journal: Journal) -> Booked:
        """The journal in its place, which is the chain's end from now on."""
        number, last = self._heads[complex_id]
        booked = _chained(journal, number + 1, last, self._locked.get(complex_id, set()), self._now)
        self._heads[complex_id] = (booked.number, booked.hash)
        return booked


def _chained(journal: Journal, number: int, prev_hash: str, locked: set[date], now: datetime) -> Booked:
    day = journal.business_day
    while day in locked:
        day += timedelta(days=1)
    meant = journal.business_day if day != journal.business_day else None
    occurred_at, at = _to_the_ms(journal.occurred_at), _to_the_ms(now)
    moved = journal
    if meant is not None or occurred_at != journal.occurred_at:  # rare, and it checks the journal anew
        moved = replace(journal, business_day=day, occurred_at=occurred_at)
    chained = hash_of(prev_hash, number, moved, at, meant)
    return Booked(number=number, booked_at=at, journal=moved, meant_day=meant, prev_hash=prev_hash, hash=chained)


def _to_the_ms(time: datetime) -> datetime:
    """As the tables keep times, so that what is read back has the same hash."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _check_same(booked: Booked, again: Journal) -> None:
    """Its day may have been moved, and the memo be other words; its money and what it corrects may not."""
    old = booked.journal
    meant = booked.meant_day or old.business_day
    if (old.lines, meant, old.corrects) != (again.lines, again.business_day, again.corrects):
        said = f"{again.source} {again.kind} {again.source_id}"
        raise Differs(f"{said} is booked as journal {booked.number} with other lines or on another day")
