"""What shops owe for the coupons they gave: a month's sum is one journal, and is settled in cash at the desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger import Journal, Line
from server.books import desk
from server.books.desk import NotDone
from server.books.ledger import post
from server.books.settling import MERCHANT
from server.store.coupon_rows import account_of
from server.store.coupon_tables import coupon_issuer, merchant_bill
from server.store.engine import stamp
from server.store.schema import journal, journal_line, payment, refund
from server.store.zones import day_of


async def owed_fen(connection: AsyncConnection, complex_id: str, issuer: str, before: date) -> int:
    """What its coupons took off by the ledger until a day (not included), and was not billed: also what was corrected
    in months that were billed already."""
    same = and_(journal.c.complex == journal_line.c.complex, journal.c.number == journal_line.c.number)
    given = select(func.coalesce(func.sum(journal_line.c.fen), 0)).join(journal, same)
    given = given.where(journal_line.c.complex == complex_id, journal_line.c.account == _account(issuer))
    given = given.where(journal.c.source == "charge", journal.c.business_day < before.isoformat())
    mine = (merchant_bill.c.complex == complex_id, merchant_bill.c.issuer == issuer)
    billed = select(func.coalesce(func.sum(merchant_bill.c.amount_fen), 0)).where(*mine)
    return int((await connection.execute(given)).scalar_one()) - int((await connection.execute(billed)).scalar_one())


async def bill(connection: AsyncConnection, complex_id: str, issuer: str, month: str, by: str, now: datetime) -> int:
    """Bill a month that is over, once; how much. Raises NotDone."""
    await _check_merchant(connection, complex_id, issuer)
    before, today = _after(month), await day_of(connection, complex_id, now)
    if before > today:
        raise NotDone("month_not_over")
    same = (merchant_bill.c.complex == complex_id, merchant_bill.c.issuer == issuer, merchant_bill.c.month == month)
    if (await connection.execute(select(merchant_bill.c.month).where(*same))).first() is not None:
        raise NotDone("billed")
    fen = await owed_fen(connection, complex_id, issuer, before)
    if fen <= 0:
        raise NotDone("nothing_due")
    row = {"complex": complex_id, "issuer": issuer, "month": month, "amount_fen": fen}
    await connection.execute(merchant_bill.insert().values(**row, made_at=stamp(now), made_by=by))
    await post(connection, complex_id, [_journal(issuer, month, fen, today, now)], now)
    return fen


def _journal(issuer: str, month: str, fen: int, today: date, now: datetime) -> Journal:
    return Journal(
        source="merchant",
        kind="billed",
        source_id=f"{issuer}/{month}",
        occurred_at=now,
        business_day=today,
        memo="",
        lines=(Line(MERCHANT, fen), Line(_account(issuer), -fen)),
    )


async def settle(
    connection: AsyncConnection, shift: Mapping[Any, Any], issuer: str, month: str, request: str, now: datetime
) -> dict[str, Any]:
    """Take cash for a bill, whole; the payment with its receipt. Raises NotDone."""
    same = (
        merchant_bill.c.complex == shift["complex"],
        merchant_bill.c.issuer == issuer,
        merchant_bill.c.month == month,
    )
    found = (await connection.execute(select(merchant_bill).where(*same))).mappings().first()
    if found is None:
        raise NotDone("nothing_due")
    if found["out_trade_no"] is not None and await _stands(connection, shift["complex"], found["out_trade_no"]):
        raise NotDone("settled")
    row = await desk.take_for(connection, shift, "merchant", found["amount_fen"], request, now)
    await connection.execute(update(merchant_bill).where(*same).values(out_trade_no=row["out_trade_no"]))
    return row


async def _stands(connection: AsyncConnection, complex_id: str, number: str) -> bool:
    """Whether a payment was not given back."""
    same = and_(refund.c.complex == payment.c.complex, refund.c.out_trade_no == payment.c.out_trade_no)
    back = select(refund.c.out_refund_no).join(payment, same)
    back = back.where(payment.c.complex == complex_id, payment.c.out_trade_no == number, refund.c.status == "success")
    return (await connection.execute(back)).first() is None


async def _check_merchant(connection: AsyncConnection, complex_id: str, issuer: str) -> None:
    same = (coupon_issuer.c.complex == complex_id, coupon_issuer.c.id == issuer, coupon_issuer.c.household.is_(None))
    if (await connection.execute(select(coupon_issuer.c.id).where(*same))).first() is None:
        raise NotDone("no_issuer")


def _account(issuer: str) -> str:
    return f"discount:{account_of(issuer, None)}"


def _after(month: str) -> date:
    """The first day after a month that is written ``2026-11``. Raises NotDone."""
    try:
        return (date.fromisoformat(f"{month}-01") + timedelta(days=32)).replace(day=1)
    except ValueError as error:
        raise NotDone("bad_days") from error
