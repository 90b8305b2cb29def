"""A month of a complex from its ledger: sums by account and day, exits by kind, what is open; as it is published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Booked, PublicLedger, exported, grouped, totals_of
from domain.ledger.month import Came, before, came, days_of
from server.store import ledger_rows, month_rows, revenue_rows
from server.store.engine import stamp
from server.store.month_rows import OpenItem, Unpaid
from server.store.revenue_rows import DocumentView, EntryView, StepView

_AT_ONCE = 500
MOST_JOURNALS = 200_000  # in one file
_OWED = ("debt:unpaid_exit", "receivable:sessions", "suspense:short", "suspense:long", "clearing", "refund_payable")


class Day(msgspec.Struct, frozen=True):
    """A day's sums: parking, other income, spending; in fen."""

    day: str
    parking_fen: int
    other_fen: int
    spending_fen: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A month. ``accounts``: by how much each moved, debit positive; ``owed``: how accounts of claims stand at its end.

    ``first`` and ``last`` are numbers of the ledger's journals; 0 where there are none.
    """

    month: str
    accounts: dict[str, int]
    owed: dict[str, int]
    days: list[Day]
    exits: dict[str, int]
    items: list[OpenItem]
    refunds_fen: int
    first: int
    last: int

    @property
    def came(self) -> Came:
        return came(self.accounts)


class PublicPaper(msgspec.Struct, frozen=True):
    """A document that anyone may see."""

    sha256: str
    type: str
    purpose: str
    title: str


class PublicStep(msgspec.Struct, frozen=True):
    """A step without the person: which, when, by whose role."""

    action: str
    day: str
    role: str
    note: str = ""
    votes_for: int | None = None
    votes_against: int | None = None


class PublicEntry(msgspec.Struct, frozen=True):
    """An entry of public revenue as owners read it."""

    number: int
    side: str
    kind: str
    title: str
    state: str
    planned_fen: int
    actual_fen: int | None
    day: str | None
    steps: list[PublicStep]
    papers: list[PublicPaper]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that a published month shows, frozen: nothing personal is in it."""

    format: Literal["gatehouse public month 1"] = "gatehouse public month 1"
    complex: str
    name: str
    timezone: str
    figures: Figures
    unpaid: list[Unpaid]
    entries: list[PublicEntry]
    prev_hash: str  # of the journal before the first of the month
    last_hash: str  # of the month's last
    ledger_number: int  # the chain as it was when this was frozen
    ledger_hash: str


async def figures(connection: AsyncConnection, complex_id: str, month: str, zone: ZoneInfo) -> Figures:
    """Made anew from the ledger each time; exits from what the book of charges and payments say. Raises ValueError."""
    first, last = days_of(month)
    sums = await month_rows.by_day(connection, complex_id, first, last)
    accounts: defaultdict[str, int] = defaultdict(int)
    by_day: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for one in sums:
        accounts[grouped(one.account)] += one.fen
        by_day[one.day][one.account] = one.fen
    since, until = bounds(first, last, zone)
    numbers = await month_rows.journals_of(connection, complex_id, first, last) or (0, 0)
    return Figures(
        month=month,
        accounts={account: fen for account, fen in sorted(accounts.items()) if fen},
        owed=await _owed(connection, complex_id, last),
        days=[_day(day, by_day[day]) for day in sorted(by_day)],
        exits=await month_rows.exits(connection, complex_id, since, until),
        items=await month_rows.open_items(connection, complex_id, last, until),
        refunds_fen=await month_rows.refunded(connection, complex_id, first, last),
        first=numbers[0],
        last=numbers[1],
    )


def bounds(first: date, last: date, zone: ZoneInfo) -> tuple[str, str]:
    """From the first midnight to the one after the last day, as the tables keep times."""
    ends = (datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1)))
    since, until = (stamp(end) for end in ends)
    return since, until


async def _owed(connection: AsyncConnection, complex_id: str, last: date) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for account, fen in (await ledger_rows.balances(connection, complex_id, None, last)).items():
        if account.startswith(_OWED):
            sums[grouped(account)] += fen
    return {account: fen for account, fen in sorted(sums.items()) if fen}


def _day(day: str, accounts: dict[str, int]) -> Day:
    of = came(accounts)
    return Day(day, of.parking_fen, of.ev_fen + of.public_fen, of.spending_fen)


async def trend(connection: AsyncConnection, complex_id: str, month: str, count: int) -> list[tuple[str, Came]]:
    """The months up to one, the oldest first."""
    months = [before(month, place) for place in range(count - 1, -1, -1)]
    sums = await month_rows.sums_of(connection, complex_id, days_of(months[0])[0], days_of(month)[1])
    of: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (when, account), fen in sums.items():
        of[when][account] = fen
    return [(when, came(of[when])) for when in months]


async def snapshot(
    connection: AsyncConnection, place: tuple[str, str, str], month: str, zone: ZoneInfo, *, shows_unpaid: bool
) -> Snapshot:
    """The month as it would be published now. ``place``: the complex's id, name and zone. Raises ValueError."""
    complex_id = place[0]
    found = await figures(connection, complex_id, month, zone)
    first, last = days_of(month)
    since, until = bounds(first, last, zone)
    head = await ledger_rows.end(connection, complex_id)
    return Snapshot(
        complex=complex_id,
        name=place[1],
        timezone=place[2],
        figures=found,
        unpaid=await month_rows.unpaid(connection, complex_id, since, until, zone) if shows_unpaid else [],
        entries=await open_entries(connection, complex_id, zone, first.isoformat(), last.isoformat()),
        prev_hash=await _hash_at(connection, complex_id, found.first, previous=True),
        last_hash=await _hash_at(connection, complex_id, found.last),
        ledger_number=head[0],
        ledger_hash=head[1],
    )


async def _hash_at(connection: AsyncConnection, complex_id: str, number: int, *, previous: bool = False) -> str:
    found = await ledger_rows.some(connection, complex_id, number - 1, 1) if number else []
    return (found[0].prev_hash if previous else found[0].hash) if found else ""


async def open_entries(
    connection: AsyncConnection, complex_id: str, zone: ZoneInfo, first: str = "", last: str = "9"
) -> list[PublicEntry]:
    """What owners may read of public revenue: all of it, or of the days from ``first`` to ``last`` and what goes on."""
    found = await revenue_rows.published(connection, complex_id, first, last)
    papers: defaultdict[int, list[DocumentView]] = defaultdict(list)
    for paper in await revenue_rows.documents(connection, complex_id, [one.number for one in found]):
        papers[paper.entry].append(paper)
    return [
        _entry(one, await revenue_rows.steps(connection, complex_id, one.number), papers[one.number], zone)
        for one in found
    ]


def _entry(one: EntryView, taken: list[StepView], papers: list[DocumentView], zone: ZoneInfo) -> PublicEntry:
    steps = [_step(step, zone) for step in taken if step.round == one.round]
    shown = [PublicPaper(paper.sha256, paper.type, paper.purpose, paper.title) for paper in papers if paper.is_public]
    said = (one.number, one.side, one.kind, one.title, one.state, one.planned_fen, one.actual_fen, one.day)
    return PublicEntry(*said, steps, shown)


def _step(step: StepView, zone: ZoneInfo) -> PublicStep:
    """Words of reviews stay inside; those of the meeting and of what was published are for everybody."""
    is_said = step.action in ("propose", "publish_decision", "publish_process", "publish_result")
    day = step.at.astimezone(zone).date().isoformat()
    votes = (step.votes_for, step.votes_against)
    return PublicStep(step.action, day, step.role, step.note if is_said else "", *votes)


def parts_of(first: int, last: int) -> int:
    """In how many files a month's journals are."""
    return -(-(last - first + 1) // MOST_JOURNALS) if first else 1


async def public_ledger(connection: AsyncConnection, shown: Snapshot, part: int = 1) -> PublicLedger:
    """The month's journals in their chain, from its first to its last, as they are in the ledger; a part of them."""
    of = shown.figures
    first = of.first + (part - 1) * MOST_JOURNALS
    last = min(of.last, first + MOST_JOURNALS - 1)
    booked = [one async for one in _booked(connection, shown.complex, first, last)] if of.first else []
    journals = [exported(one) for one in booked]
    return PublicLedger(
        complex=shown.complex,
        month=of.month,
        prev_hash=booked[0].prev_hash if booked else shown.prev_hash,
        last_hash=booked[-1].hash if last != of.last and booked else shown.last_hash,
        totals=totals_of(journals, of.month),
        journals=journals,
        part=part,
        parts=parts_of(of.first, of.last),
    )


async def _booked(connection: AsyncConnection, complex_id: str, first: int, last: int) -> AsyncIterator[Booked]:
    """One part behind the other."""
    after = first - 1
    while first and after < last:
        some = await ledger_rows.some(connection, complex_id, after, min(_AT_ONCE, last - after))
        for one in some:
            yield one
        if not some:
            return
        after = some[-1].number
