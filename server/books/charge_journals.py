"""Journals of the book of charges: what a session is charged is owed, and is income; a change is a new journal.

What coupons take off stands in accounts of its own: income is the whole fee, owed is what is left of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Journal, Line
from domain.tariff.fee import Line as Explained
from server.books.ledger import post_new
from server.store.engine import unstamp
from server.store.zones import zones

RECEIVABLE, INCOME = "receivable:sessions", "income:parking:temporary"

Entry = dict[str, Any]  # of the book of charges, by column; ``discounts``: what changes in each account of coupons
_lines_of = msgspec.json.Decoder(list[Explained]).decode


def discounts_in(lines: str) -> Counter[str]:
    """What coupons took off by an explanation (JSON), by account."""
    found = Counter[str]()
    for line in _lines_of(lines) if '"discount:' in lines else ():
        if line.account:
            found[line.account] -= line.fen
    return found


async def book(connection: AsyncConnection, entries: Sequence[Entry], now: datetime) -> None:
    """Book what the entries change, and give each its journal's number; one that changes no money has none.

    ``journal`` is, before, that of the session's entry before it, which the new one corrects.
    """
    found = await zones(connection, sorted({entry["complex"] for entry in entries}))
    moving: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry["change_fen"] or any(entry["discounts"].values()):
            moving[entry["complex"]].append(entry)
    journals = {one: [journal_of(entry, found[one]) for entry in of_one] for one, of_one in moving.items()}
    for complex_id, booked in (await post_new(connection, journals, now)).items():
        for entry, one in zip(moving[complex_id], booked, strict=True):
            entry["journal"] = one.number


def journal_of(entry: Entry, zone: ZoneInfo) -> Journal:
    """On the day the car left: that is when the money was due."""
    left_at, fen = unstamp(entry["exited_at"]), entry["change_fen"]
    taken_off: dict[str, int] = entry.get("discounts", {})  # none of one from before there were coupons
    sums = {RECEIVABLE: fen, **dict(sorted(taken_off.items())), INCOME: -fen - sum(taken_off.values())}
    return Journal(
        source="charge",
        kind=entry["reason"],
        source_id=f"{entry['session']}/{entry['revision']}",
        occurred_at=left_at,
        business_day=left_at.astimezone(zone).date(),
        memo=entry["note"] or "",
        lines=tuple(Line(account, moved) for account, moved in sums.items() if moved),
        corrects=entry["journal"],
    )
