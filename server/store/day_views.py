"""What pages show of reconciliation: a month of days, a day's report with what became of its items, all open items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.passages import Passage
from domain.reconciliation import Item
from server.store import lane_watermarks, upload_rows
from server.store.bill_rows import item_of
from server.store.schema import (
    bill_item,
    bill_report,
    complex_,
    journal,
    journal_line,
    ledger_day,
    parking_passage,
    payment,
    refund,
    session,
)
from server.store.scope import Scope, within
from server.store.upload_rows import plain

Identity = tuple[str, str]
_AT_ONCE = 500


class Though(msgspec.Struct, frozen=True):
    """Why a version was signed that was provisional, and up to when each gateway had told."""

    why: str
    told: dict[str, str | None]


class Version(msgspec.Struct, frozen=True):
    """A version of a day's report, without its body."""

    version: int
    hash: str
    made_at: str
    made_by: str
    signed_at: str | None
    signed_by: str | None
    though: Though | None = None


class Report(msgspec.Struct, frozen=True):
    """A report as it was kept."""

    bill_date: str
    items: list[Item]
    totals: dict[str, dict[str, int]]
    not_judged: list[dict[str, Any]]
    sources: dict[str, str]
    files: dict[str, dict[str, Any]]
    statements: dict[str, dict[str, Any]]
    hash: str

    @property
    def open(self) -> list[Item]:
        return [item for item in self.items if item.is_open]


class Closing(msgspec.Struct, frozen=True):
    """What became of an item."""

    since: str
    day: str
    closed_at: str | None
    closed_by: str | None
    closing: str | None
    document: str | None
    act: str | None
    journal: int | None


class DayState(msgspec.Struct, frozen=True):
    """A day of a month: ``signed``, ``open``, ``reconciled``, ``given`` (files, no report) or nothing."""

    day: date
    state: str
    open: int = 0
    files: int = 0
    is_changed: bool = False  # a version newer than the signed one
    is_provisional: bool = False  # gateways may still tell of it; only of a day with files or a report, not signed


class OpenItem(msgspec.Struct, frozen=True):
    """An open item of a complex."""

    complex: str
    complex_name: str
    item: Item


class Lock(msgspec.Struct, frozen=True):
    """A day locked in the ledger."""

    locked_at: str
    locked_by: str
    number: int
    hash: str


class Payment(msgspec.Struct, frozen=True):
    """What our tables say of a payment; ``session`` where there is a stay to look at."""

    out_trade_no: str
    channel: str
    session: str | None
    lane: str | None
    shift: str | None
    amount_fen: int
    status: str
    asked_at: str
    paid_at: str | None
    provider_no: str | None


class Sources(msgspec.Struct, frozen=True):
    """What an item rests on here."""

    payment: Payment | None = None
    refund: str = ""  # its state
    session: str = ""
    lane: str = ""
    at: str = ""
    pictures: list[str] = []


async def month(connection: AsyncConnection, complex_id: str, days: Sequence[date]) -> list[DayState]:
    """The state of each of these days, in order."""
    first, last = days[0].isoformat(), days[-1].isoformat()
    reports = await _reports(connection, complex_id, first, last)
    still_open = await _open_by_day(connection, complex_id, first, last)
    files = await upload_rows.count(connection, complex_id, first, last)
    found = [_state(day, reports[str(day)], still_open.get(str(day), 0), files.get(str(day), 0)) for day in days]
    late = await lane_watermarks.provisional_days(
        connection, complex_id, [one.day for one in found if one.state not in ("signed", "nothing")]
    )
    return [msgspec.structs.replace(one, is_provisional=one.day in late) for one in found]


async def _reports(connection: AsyncConnection, complex_id: str, first: str, last: str) -> dict[str, list[Any]]:
    table = bill_report
    query = select(table.c.day, table.c.version, table.c.signed_at).where(
        table.c.complex == complex_id, table.c.day.between(first, last)
    )
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in await connection.execute(query.order_by(table.c.version)):
        found[row.day].append(row)
    return found


async def _open_by_day(connection: AsyncConnection, complex_id: str, first: str, last: str) -> dict[str, int]:
    table = bill_item
    here = (table.c.complex == complex_id, table.c.since.between(first, last), table.c.closed_at.is_(None))
    rows = await connection.execute(select(table.c.since, func.count()).where(*here).group_by(table.c.since))
    return {row[0]: row[1] for row in rows}


def _state(day: date, reports: Sequence[Any], count: int, files: int) -> DayState:
    signed = [row.version for row in reports if row.signed_at]
    if signed and signed[-1] == reports[-1].version:
        return DayState(day, "signed", count, files)
    state = "open" if count else "reconciled"
    if not reports:
        state = "given" if files else "nothing"
    return DayState(day, state, count, files, is_changed=bool(signed))


async def versions(connection: AsyncConnection, complex_id: str, day: str) -> list[Version]:
    """The newest first."""
    table = bill_report
    columns = [table.c[name] for name in Version.__struct_fields__]
    query = select(*columns).where(table.c.complex == complex_id, table.c.day == day).order_by(table.c.version.desc())
    return [msgspec.convert(plain(row), Version) for row in (await connection.execute(query)).mappings()]


async def report(connection: AsyncConnection, complex_id: str, day: str, version: int) -> Report | None:
    table = bill_report
    same = (table.c.complex == complex_id, table.c.day == day, table.c.version == version)
    body = (await connection.execute(select(table.c.body).where(*same))).scalar()
    return None if body is None else msgspec.json.decode(bytes(body), type=Report)


async def closings(connection: AsyncConnection, complex_id: str, day: str) -> dict[Identity, Closing]:
    """What became of the items that a day told of, or found."""
    table = bill_item
    columns = [table.c[name] for name in ("channel", "key", *Closing.__struct_fields__)]
    of_day = (table.c.since == day) | (table.c.day == day)
    rows = (await connection.execute(select(*columns).where(table.c.complex == complex_id, of_day))).mappings()
    return {(row["channel"], row["key"]): msgspec.convert(plain(row), Closing) for row in rows}


async def open_items(connection: AsyncConnection, scope: Scope, complex_id: str, limit: int) -> list[OpenItem]:
    """The oldest first; of one complex where it is named."""
    table = bill_item
    query = select(table, complex_.c.name.label("complex_name")).join(complex_, complex_.c.id == table.c.complex)
    query = query.where(within(table.c.complex, scope), table.c.closed_at.is_(None))
    if complex_id:
        query = query.where(table.c.complex == complex_id)
    query = query.order_by(table.c.since, table.c.complex, table.c.channel, table.c.key).limit(limit)
    rows = (await connection.execute(query)).mappings()
    return [OpenItem(row["complex"], row["complex_name"], item_of(row)) for row in rows]


async def lock(connection: AsyncConnection, complex_id: str, day: str) -> Lock | None:
    table = ledger_day
    columns = [table.c[name] for name in Lock.__struct_fields__]
    query = select(*columns).where(table.c.complex == complex_id, table.c.day == day)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(plain(row), Lock)


async def journals(connection: AsyncConnection, complex_id: str, day: str, limit: int) -> list[Row[Any]]:
    """The lines booked on a day, in order."""
    query = (
        select(journal, journal_line.c.account, journal_line.c.fen)
        .join(journal_line, (journal_line.c.complex == journal.c.complex) & (journal_line.c.number == journal.c.number))
        .where(journal.c.complex == complex_id, journal.c.business_day == day)
        .order_by(journal.c.number, journal_line.c.place)
    )
    return list((await connection.execute(query.limit(limit))).all())


async def sources(connection: AsyncConnection, complex_id: str, item: Item) -> Sources:
    """The payment, the refund or the passage that an item is of, and its stay with its pictures."""
    if item.channel == "passage":
        return await _of_passage(connection, complex_id, item.key)
    paid = await _payment(connection, complex_id, item.key)
    back = select(refund.c.status).where(refund.c.complex == complex_id, refund.c.out_refund_no == item.key)
    of = item.key if item.channel == "charge" else (paid.session if paid is not None else None)
    found = await _of_session(connection, complex_id, of) if of else Sources()
    state = (await connection.execute(back)).scalar() or ""
    return msgspec.structs.replace(found, payment=paid, refund=state)


async def _payment(connection: AsyncConnection, complex_id: str, order: str) -> Payment | None:
    columns = [payment.c[name] for name in Payment.__struct_fields__]
    query = select(*columns).where(payment.c.complex == complex_id, payment.c.out_trade_no == order)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(plain(row), Payment)


async def _of_passage(connection: AsyncConnection, complex_id: str, key: str) -> Sources:
    table = parking_passage
    try:
        identity = bytes.fromhex(key)
    except ValueError:
        return await _of_session(connection, complex_id, key)
    query = select(table.c.plate, table.c.occurred_at, table.c.passage)
    row = (await connection.execute(query.where(table.c.complex == complex_id, table.c.id == identity))).first()
    if row is None:  # an opening without a reading, or a charge whose car no lane saw
        return await _of_session(connection, complex_id, key)
    seen = msgspec.json.decode(row.passage, type=Passage)
    ended = (session.c.complex == complex_id, session.c.plate == row.plate, session.c.exited_at == row.occurred_at)
    of = (await connection.execute(select(session.c.id).where(*ended))).scalar()
    return Sources(None, "", of or "", seen.lane, row.occurred_at, [seen.picture] if seen.picture else [])


async def _of_session(connection: AsyncConnection, complex_id: str, identity: str) -> Sources:
    table = session
    query = select(table).where(table.c.complex == complex_id, table.c.id == identity)
    row = (await connection.execute(query)).first()
    if row is None:
        return Sources()
    pictures = [name for name in (row.entry_picture, row.exit_picture) if name]
    return Sources(None, "", row.id, row.exit_lane or "", row.exited_at or "", pictures)


async def sessions_of(connection: AsyncConnection, complex_id: str, items: Iterable[Item]) -> dict[Identity, str]:
    """The stay that each item is of, where a payment of ours says so."""
    keys = sorted({item.key for item in items if item.channel not in ("passage", "bank", "charge")})
    found: dict[str, str] = {}
    for start in range(0, len(keys), _AT_ONCE):
        query = select(payment.c.out_trade_no, payment.c.session).where(
            payment.c.complex == complex_id, payment.c.out_trade_no.in_(keys[start : start + _AT_ONCE])
        )
        found |= {row.out_trade_no: row.session for row in await connection.execute(query) if row.session}
    return {item.identity: found[item.key] for item in items if item.key in found}


class ShedDay(msgspec.Struct, frozen=True):
    """What the sheds took on a day, by the newest report."""

    day: str
    energy_fen: int
    service_fen: int
    drawn_wh: int


async def shed_days(connection: AsyncConnection, complex_id: str, first: str, last: str) -> list[ShedDay]:
    """Days with sheets of e-bike sheds."""
    table = bill_report
    query = select(table.c.day, table.c.body).where(table.c.complex == complex_id, table.c.day.between(first, last))
    bodies = {row.day: row.body for row in await connection.execute(query.order_by(table.c.day, table.c.version))}
    found: list[ShedDay] = []
    for day, body in bodies.items():
        sums = msgspec.json.decode(bytes(body), type=_Totals).totals.get("ebike")
        if sums is not None:
            found.append(ShedDay(day, sums["energy_fen"], sums["service_fen"], sums["drawn_wh"]))
    return found


class _Totals(msgspec.Struct):
    totals: dict[str, dict[str, int]]
