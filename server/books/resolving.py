"""Closing an item by an act, and taking that back: what money moves by it is booked in the same transaction."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Booked, Journal, Line, reversal
from domain.masking import masked_text
from domain.reconciliation import BadBill, Item
from domain.reconciliation.acts import Act, lines_of, refundable_fen
from domain.reconciliation.rows import CHINA, Trade
from server.audit import Actor, Subject, record
from server.bill_files import trades_of
from server.books import day_close, reconciled, settling
from server.books.ledger import post
from server.books.reconciled import NotDone
from server.store import bill_rows, ledger_rows, payment_rows
from server.store.engine import Database, stamp
from server.store.schema import payment, refund

Named = tuple[str, str]  # channel, key
_SOURCE = "bill_item"
_LOST = "bill_paid_local_unpaid"
_NO_WAY_BACK = "it is paid, and that is booked: give the money back by a refund"


class Said(msgspec.Struct, frozen=True):
    """How a person closes an item, and on which document it rests."""

    act: Act
    how: str
    document: str


async def resolve(db: Database, complex_id: str, named: Named, said: Said, by: Actor, now: datetime) -> None:
    """Close an open item: its act's journal, refund or payment with it. Raises NotDone, acts.NoAct."""
    trade = await _trade(db, complex_id, named) if said.act in ("mark_paid", "propose_refund") else None
    async with db.write(complex_id) as connection:
        row = await bill_rows.one(connection, complex_id, named)
        if row is None or row["closed_at"] is not None:
            raise NotDone(f"{named[0]} {named[1]} is not open")
        item, times = bill_rows.item_of(row), row["acts"] + 1
        lines = lines_of(item, said.act)
        booked: Booked | None = None
        if said.act == "mark_paid":
            booked = await _mark_paid(connection, complex_id, item, trade, now)
        elif said.act == "propose_refund":
            if item.kind == _LOST:  # what came has to stand in the books before it goes back
                booked = await _mark_paid(connection, complex_id, item, trade, now)
            await _propose(connection, complex_id, item, times, by, said, now)
        if lines:
            booked = await _book(connection, complex_id, row, times, said, lines, now)
        number = None if booked is None else booked.number
        done = {"act": said.act, "journal": number, "acts": times}
        await reconciled.resolve(connection, complex_id, named, said.how, said.document, by, now, **done)


async def _trade(db: Database, complex_id: str, named: Named) -> Trade | None:
    """The row of the provider's bill, of an item whose payment we do not have. Raises NotDone."""
    async with db.read() as connection:
        row = await bill_rows.one(connection, complex_id, named)
    if row is None:
        raise NotDone(f"{named[0]} {named[1]} is not open")
    if bill_rows.item_of(row).kind != _LOST:
        return None
    for day in sorted({row["since"], row["day"]}):
        try:
            files = (await day_close.given(db, complex_id, date.fromisoformat(day))).files
        except (NotDone, BadBill):
            continue
        if (found := trades_of(files, named[0]).get(named[1])) is not None:
            return found
    raise NotDone("no bill here tells when it was paid: give the bill of its day again")


async def _mark_paid(
    connection: AsyncConnection, complex_id: str, item: Item, trade: Trade | None, now: datetime
) -> Booked | None:
    """The callback was lost, and the bill has it: paid, when the provider says."""
    same = (payment.c.complex == complex_id, payment.c.out_trade_no == item.key)
    row = (await connection.execute(select(payment).where(*same))).mappings().first()
    if row is None or trade is None or row["status"] == "paid":
        raise NotDone(f"payment {item.key} is not there, or is paid already: reconcile the day again")
    if row["amount_fen"] != trade.order_fen:
        raise NotDone(f"{trade.order_fen} fen came, and {row['amount_fen']} were asked: it goes to suspense, or back")
    paid_at = trade.at.replace(tzinfo=CHINA)
    values = {"status": "paid", "paid_at": stamp(paid_at), "provider_no": trade.trade_id}
    await connection.execute(update(payment).where(*same).values(**values))
    return await settling.paid(connection, {**row, **values}, now)


async def _propose(
    connection: AsyncConnection, complex_id: str, item: Item, times: int, by: Actor, said: Said, now: datetime
) -> None:
    """A refund that another person approves, of a payment of ours: no provider gives back another. Raises NotDone."""
    fen = refundable_fen(item)
    of = await _refundable(connection, complex_id, item, fen)
    row = {"complex": complex_id, "out_refund_no": refund_no(item, times), "out_trade_no": of["out_trade_no"]}
    row |= {"channel": of["channel"], "amount_fen": fen, "status": "proposed"}
    row |= {"reason": masked_text(said.how), "proposed_at": stamp(now), "proposed_by": by.who}
    await connection.execute(refund.insert().values(**row))


async def _refundable(connection: AsyncConnection, complex_id: str, item: Item, fen: int) -> RowMapping:
    """The payment that an item is about, or the latest of the stay that was paid too much; so much of it is left."""
    named = payment.c.session if item.channel == "charge" else payment.c.out_trade_no
    query = select(payment).where(payment.c.complex == complex_id, named == item.key, payment.c.status == "paid")
    query = query.where(payment.c.channel != "cash").order_by(payment.c.paid_at.desc())
    for row in (await connection.execute(query)).mappings().all():
        back = await payment_rows.refunds_of(connection, complex_id, [row["out_trade_no"]])
        gone_fen = sum(one["amount_fen"] for one in back if one["status"] in payment_rows.COUNTED)
        if fen <= row["amount_fen"] - gone_fen:
            return row
    raise NotDone(f"no payment of ours has {fen} fen to give back for {item.key}: do it at the provider, or in cash")


def refund_no(item: Item, times: int) -> str:
    return f"RB{item.key}-{times}"[:64]


async def _book(
    connection: AsyncConnection,
    complex_id: str,
    row: RowMapping,
    times: int,
    said: Said,
    lines: tuple[Line, ...],
    now: datetime,
) -> Booked:
    made = Journal(
        source=_SOURCE,
        kind=said.act,
        source_id=f"{row['channel']}/{row['key']}/{times}",
        occurred_at=now,
        business_day=date.fromisoformat(row["day"]),
        memo=masked_text(f"{said.how} ({said.document})"),
        lines=lines,
    )
    return (await post(connection, complex_id, [made], now))[0]


async def undo(db: Database, complex_id: str, named: Named, by: Actor, now: datetime) -> None:
    """Take an act back while its day is not signed: the journal is reversed, a refund nobody approved is off.

    Raises NotDone.
    """
    async with db.write(complex_id) as connection:
        row = await bill_rows.one(connection, complex_id, named)
        if row is None or row["closed_at"] is None or row["act"] is None:
            raise NotDone(f"nobody closed {named[0]} {named[1]} here")
        if await bill_rows.signed_since(connection, complex_id, (row["since"], row["day"]), row["closed_at"]):
            raise NotDone("a report that tells of it is signed: what was done stands, and a new act mends it")
        if row["act"] == "mark_paid":
            raise NotDone(_NO_WAY_BACK)
        if row["act"] == "propose_refund":
            await _withdraw(connection, complex_id, refund_no(bill_rows.item_of(row), row["acts"]))
        elif row["journal"] is not None:
            await _reverse(connection, complex_id, row["journal"], now)
        await bill_rows.reopen(connection, complex_id, named)
        told = {"channel": named[0], "act": row["act"], "document": row["document"]}
        record(connection, by, "bills.undone", now, on=Subject("bills", named[1]), complex_id=complex_id, details=told)


async def _withdraw(connection: AsyncConnection, complex_id: str, number: str) -> None:
    table = refund
    same = (table.c.complex == complex_id, table.c.out_refund_no == number, table.c.status == "proposed")
    if not (await connection.execute(update(table).where(*same).values(status="refused"))).rowcount:
        raise NotDone(f"refund {number} is under way: what is paid out does not come back by this")


async def _reverse(connection: AsyncConnection, complex_id: str, number: int, now: datetime) -> None:
    (booked,) = await ledger_rows.some(connection, complex_id, number - 1, 1)
    day, memo = booked.journal.business_day, f"of journal {number}"
    made = reversal(booked, kind="undo", occurred_at=now, business_day=day, memo=memo)
    await post(connection, complex_id, [made], now)
