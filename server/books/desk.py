"""The cash desk: a shift with its float, cash taken and given back with receipts, payouts, the count, the signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.masking import masked_text
from server.books import settling
from server.books.quotes import Quote
from server.store import ledger_rows
from server.store.engine import stamp
from server.store.receipt_rows import numbered
from server.store.schema import cash_deposit, cash_shift, payment, refund
from server.store.zones import day_of

NOTES_FEN = (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10)  # what is counted, the largest first
MOST_FEN = 10_000_000  # of one act: a typing mistake is larger
PETTY = "expense:petty"


class NotDone(Exception):
    """What was asked cannot be; the message says why, for the log of whoever asked."""


async def open_shift(
    connection: AsyncConnection, complex_id: str, by: str, lane: str, float_fen: int, now: datetime
) -> str:
    """Begin a shift; its id. A person has one at a time."""
    _check_sum(float_fen, least=0)
    if await shift_of(connection, complex_id, by) is not None:
        raise NotDone("shift_open")
    day = (await day_of(connection, complex_id, now)).strftime("%Y%m%d")
    query = select(func.count()).select_from(cash_shift)
    begun = (await connection.execute(query.where(cash_shift.c.complex == complex_id))).scalar_one()
    identity = f"{day}-{begun + 1}"
    row = {"complex": complex_id, "id": identity, "lane": lane or None, "person": by}
    row |= {"opened_at": stamp(now), "opening_float_fen": float_fen, "payouts_fen": 0}
    await connection.execute(cash_shift.insert().values(**row))
    return identity


async def shift_of(connection: AsyncConnection, complex_id: str, person: str) -> RowMapping | None:
    """The shift that a person has open."""
    mine = (cash_shift.c.complex == complex_id, cash_shift.c.person == person, cash_shift.c.closed_at.is_(None))
    return (await connection.execute(select(cash_shift).where(*mine))).mappings().first()


async def shift_at(connection: AsyncConnection, complex_id: str, person: str, at: str) -> str | None:
    """The shift that a person had open at a moment and that is not counted yet: what is told later goes into no count
    that was made without it."""
    mine = (cash_shift.c.complex == complex_id, cash_shift.c.person == person, cash_shift.c.closed_at.is_(None))
    query = select(cash_shift.c.id).where(*mine, cash_shift.c.opened_at <= at)
    return (await connection.execute(query.order_by(cash_shift.c.opened_at.desc()).limit(1))).scalar()


async def take(
    connection: AsyncConnection, shift: Mapping[Any, Any], quoted: Quote, request: str, now: datetime
) -> dict[str, Any]:
    """Take what a car owes; the payment, with its receipt. The same ``request`` again is the same payment."""
    if quoted.due_fen <= 0:
        raise NotDone("nothing_due")
    more = {"session": quoted.session, "quoted_at": stamp(quoted.at)}
    return await take_for(connection, shift, quoted.kind, quoted.due_fen, request, now, **more)


async def take_for(
    connection: AsyncConnection,
    shift: Mapping[Any, Any],
    kind: str,
    fen: int,
    request: str,
    now: datetime,
    **more: str,
) -> dict[str, Any]:
    """Take cash of a kind of payments."""
    _check_sum(fen)
    complex_id, number = shift["complex"], f"CASH-{request}"
    if (known := await payment_of(connection, complex_id, number)) is not None:
        return dict(known)
    empty = dict.fromkeys(payment.columns.keys())
    row: dict[str, Any] = {**empty, "complex": complex_id, "out_trade_no": number, "channel": "cash", "kind": kind}
    row |= {"lane": shift["lane"], "shift": shift["id"], "amount_fen": fen, "status": "paid", "by": shift["person"]}
    row |= {"asked_at": stamp(now), "paid_at": stamp(now), **more}
    row |= await numbered(connection, complex_id)
    await connection.execute(payment.insert().values(**row))
    await settling.paid(connection, row, now)
    return row


async def payment_of(connection: AsyncConnection, complex_id: str, number: str) -> RowMapping | None:
    """A payment by our number."""
    same = (payment.c.complex == complex_id, payment.c.out_trade_no == number)
    return (await connection.execute(select(payment).where(*same))).mappings().first()


async def give_back(
    connection: AsyncConnection, shift: Mapping[Any, Any], number: str, reason: str, now: datetime
) -> RowMapping:
    """Undo what was taken in this shift, whole, once; the payment. Raises NotDone."""
    found = await payment_of(connection, shift["complex"], number)
    if found is None or found["shift"] != shift["id"]:
        raise NotDone("other_shift")
    if not reason:
        raise NotDone("no_reason")
    row = {"complex": shift["complex"], "out_refund_no": f"R-{number}", "out_trade_no": number, "channel": "cash"}
    row |= {"amount_fen": found["amount_fen"], "status": "success", "reason": masked_text(reason)}
    row |= {"proposed_at": stamp(now), "proposed_by": shift["person"], "done_at": stamp(now)}
    same = (refund.c.complex == row["complex"], refund.c.out_refund_no == row["out_refund_no"])
    if (await connection.execute(select(refund.c.status).where(*same))).first() is not None:
        raise NotDone("given_back")
    await connection.execute(refund.insert().values(**row))
    await settling.refunded(connection, row, found, now)
    return found


async def pay_out(
    connection: AsyncConnection, shift: Mapping[Any, Any], fen: int, reason: str, request: str, now: datetime
) -> None:
    """Money out of the till for something else, with a reason."""
    _check_sum(fen)
    if not reason:
        raise NotDone("no_reason")
    identity = f"{shift['id']}/{request}"
    row = {"complex": shift["complex"], "id": identity, "shift": shift["id"], "amount_fen": fen}
    if await ledger_rows.known(connection, shift["complex"], [("cash", "payout", identity)]):
        return
    if fen > await expected(connection, shift):
        raise NotDone("not_in_till")
    await settling.spent(connection, {**row, "at": stamp(now), "reason": reason}, PETTY, now)
    more = {"payouts_fen": cash_shift.c.payouts_fen + fen}
    await connection.execute(update(cash_shift).where(*_is(shift)).values(more))


async def deposit(
    connection: AsyncConnection, shift: Mapping[Any, Any], fen: int, document: str, by: str, now: datetime
) -> None:
    """Cash of a shift that was taken to the bank, on a paper. Twice on the same paper is once."""
    _check_sum(fen)
    if not document:
        raise NotDone("no_document")
    row = {"complex": shift["complex"], "id": f"{shift['id']}/{document}", "shift": shift["id"], "amount_fen": fen}
    row |= {"at": stamp(now), "by": by, "document": document}
    same = (cash_deposit.c.complex == row["complex"], cash_deposit.c.id == row["id"])
    if (await connection.execute(select(cash_deposit.c.id).where(*same))).first() is not None:
        raise NotDone("deposited")
    await connection.execute(cash_deposit.insert().values(**row))
    await settling.deposited(connection, row, now)


async def expected(connection: AsyncConnection, shift: Mapping[Any, Any]) -> int:
    """What should be in the till: the float, what was taken less what was given back, less payouts and deposits."""
    return (
        shift["opening_float_fen"]
        + await takings(connection, shift)
        - shift["payouts_fen"]
        - await _taken_away(connection, shift)
    )


async def takings(connection: AsyncConnection, shift: Mapping[Any, Any]) -> int:
    """Cash of the shift, less what was given back of it."""
    mine = (payment.c.complex == shift["complex"], payment.c.shift == shift["id"], payment.c.status == "paid")
    taken = select(func.coalesce(func.sum(payment.c.amount_fen), 0)).where(*mine)
    same = (refund.c.complex == payment.c.complex) & (refund.c.out_trade_no == payment.c.out_trade_no)
    back = select(func.coalesce(func.sum(refund.c.amount_fen), 0)).join(payment, same)
    back = back.where(*mine, refund.c.status == "success", refund.c.channel == "cash")
    return int((await connection.execute(taken)).scalar_one()) - int((await connection.execute(back)).scalar_one())


async def _taken_away(connection: AsyncConnection, shift: Mapping[Any, Any]) -> int:
    mine = (cash_deposit.c.complex == shift["complex"], cash_deposit.c.shift == shift["id"])
    query = select(func.coalesce(func.sum(cash_deposit.c.amount_fen), 0)).where(*mine)
    return int((await connection.execute(query)).scalar_one())


async def close(
    connection: AsyncConnection, shift: Mapping[Any, Any], counts: Mapping[int, int], note: str, now: datetime
) -> int:
    """End a shift by what was counted; by how much that is more than it should be (less than 0: short)."""
    counted_fen = sum(worth * pieces for worth, pieces in counts.items())
    expected_fen = await expected(connection, shift)
    said = {"closed_at": stamp(now), "counted_fen": counted_fen, "expected_fen": expected_fen}
    said |= {"note": masked_text(note) or None, "counts": msgspec.json.encode(counts).decode()}
    if counted_fen != expected_fen and not note:
        raise NotDone("no_reason")
    await connection.execute(update(cash_shift).where(*_is(shift)).values(**said))
    await settling.counted(connection, {**shift, **said}, counted_fen - expected_fen, now)
    return counted_fen - expected_fen


async def sign(connection: AsyncConnection, shift: Mapping[Any, Any], by: str, now: datetime) -> None:
    """Somebody else says that the count was so."""
    if shift["closed_at"] is None:
        raise NotDone("shift_open")
    if shift["person"] == by:
        raise NotDone("same_person")
    open_one = (*_is(shift), cash_shift.c.signed_at.is_(None))
    await connection.execute(update(cash_shift).where(*open_one).values(signed_at=stamp(now), signed_by=by))


def _is(shift: Mapping[Any, Any]) -> tuple[Any, ...]:
    return cash_shift.c.complex == shift["complex"], cash_shift.c.id == shift["id"]


def _check_sum(fen: int, least: int = 1) -> None:
    if not least <= fen <= MOST_FEN:
        raise NotDone("bad_sum")
