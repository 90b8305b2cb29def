"""What a day's bills bring into the ledger: fees and coupons out of clearing, payouts, e-bike sheds, charging of cars.

Each is booked as the difference to what stands booked: a bill that changed books what changed, the same nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Journal, Line
from domain.reconciliation import Result
from domain.reconciliation.money import FEE_UNITS
from server.books.ledger import post
from server.store.charging_rows import of_day
from server.store.our_side import span_of, zone_of
from server.store.schema import journal, journal_line

SHED, CAR = "ebike", "ev"
_ENERGY, _SERVICE, _RECEIVABLE = "passthrough:ev:energy", "income:ev:service", "receivable:sessions"
Sums = Mapping[str, int]  # by account


async def book_income(connection: AsyncConnection, complex_id: str, result: Result, now: datetime) -> None:
    """What sheds took by their sheet, and what cars drew by their meters."""
    day = result.context.day
    if (shed := result.totals.get(SHED)) is not None:
        sums = {f"clearing:{SHED}": shed["bill_fen"]}
        sums |= {f"{_ENERGY}:{SHED}": -shed["energy_fen"], f"{_SERVICE}:{SHED}": -shed["service_fen"]}
        await _book(connection, complex_id, (SHED, "income", day.isoformat()), day, sums, now)
    zone = await zone_of(connection, complex_id)
    for one in await of_day(connection, complex_id, *span_of(day, zone)):
        sums = {_RECEIVABLE: one.fee_fen, _ENERGY: -one.energy_fen, _SERVICE: -one.service_fen}
        await _book(connection, complex_id, (CAR, "income", one.id), day, sums, now)


async def book_bills(connection: AsyncConnection, complex_id: str, result: Result, now: datetime) -> None:
    """At the close of a day: what its providers took, and what has come to the bank."""
    day = result.context.day
    for channel, totals in result.totals.items():
        if channel == SHED:
            continue
        fee_fen = (totals["fee_units"] * 2 + FEE_UNITS) // (2 * FEE_UNITS)
        clearing, coupons = f"clearing:{channel}", totals["coupons_fen"]
        sums = {"fee:channel": fee_fen, f"discount:{channel}-coupon": coupons, clearing: -fee_fen - coupons}
        await _book(connection, complex_id, ("bill", "fees", f"{channel}/{day}"), day, sums, now)
    for channel, number, fen in _payouts(result):
        sums = {"bank": fen, f"clearing:{channel}": -fen}
        await _book(connection, complex_id, ("bill", "payout", f"{channel}/{number}"), day, sums, now)


def _payouts(result: Result) -> list[tuple[str, str, int]]:
    """Those that the bank has, and that a fund bill of this day names: channel, number, fen."""
    of = {
        row.voucher: channel for channel, rows in result.context.gathered.flows.items() for row in rows if row.voucher
    }
    came = (item for item in result.items if item.kind == "settlement_matched")
    return [(of[item.key], item.key, item.bill_fen or 0) for item in came if item.key in of]


async def _book(
    connection: AsyncConnection, complex_id: str, key: tuple[str, str, str], day: date, sums: Sums, now: datetime
) -> None:
    """Post what is missing to these sums under a name, or what is too much."""
    source, kind, identity = key
    booked, count = await _booked(connection, complex_id, key)
    accounts = sorted(sums.keys() | booked.keys())
    lines = tuple(Line(one, fen) for one in accounts if (fen := sums.get(one, 0) - booked[one]))
    if not lines:
        return
    made = Journal(
        source=source,
        kind=kind,
        source_id=f"{identity}/{count + 1}",
        occurred_at=now,
        business_day=day,
        memo="" if not count else f"changed: {count} before",
        lines=lines,
    )
    await post(connection, complex_id, [made], now)


async def _booked(connection: AsyncConnection, complex_id: str, key: tuple[str, str, str]) -> tuple[Counter[str], int]:
    """What stands booked under a name, and in how many journals."""
    source, kind, identity = key
    named = (journal.c.complex == complex_id, journal.c.source == source, journal.c.kind == kind)
    between = (journal.c.source_id >= f"{identity}/", journal.c.source_id < f"{identity}0")  # "0" is behind "/"
    query = (
        select(journal.c.number, journal_line.c.account, journal_line.c.fen)
        .join(journal_line, (journal_line.c.complex == journal.c.complex) & (journal_line.c.number == journal.c.number))
        .where(*named, *between)
    )
    sums, numbers = Counter[str](), set[int]()
    for row in await connection.execute(query):
        sums[row.account] += row.fen
        numbers.add(row.number)
    return sums, len(numbers)
