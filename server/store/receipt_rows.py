"""Receipts: numbered by complex, each with a code by which its holder can look at it, and nobody else."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, and_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.money_tables import payment, refund
from server.store.schema import complex_, session

_CODE_BYTES = 12  # 96 bits: not to be guessed


class Receipt(msgspec.Struct, frozen=True):
    """What stands on a receipt."""

    complex: str
    complex_name: str
    timezone: str
    receipt: int
    code: str
    amount_fen: int
    channel: str
    kind: str
    paid_at: datetime
    plate: str | None
    back_fen: int = 0


async def numbered(connection: AsyncConnection, complex_id: str) -> dict[str, Any]:
    """``receipt`` and ``code`` of a payment that is paid now. In the complex's turn: numbered without a gap."""
    query = select(func.coalesce(func.max(payment.c.receipt), 0)).where(payment.c.complex == complex_id)
    return {"receipt": (await connection.execute(query)).scalar_one() + 1, "code": new_code()}


def new_code() -> str:
    return secrets.token_urlsafe(_CODE_BYTES)


async def by_code(connection: AsyncConnection, code: str) -> Receipt | None:
    """The receipt of a code; with what of it was given back since."""
    of_session = and_(session.c.complex == payment.c.complex, session.c.id == payment.c.session)
    columns = [payment.c[name] for name in ("complex", "receipt", "code", "amount_fen", "channel", "kind", "paid_at")]
    query = select(*columns, session.c.plate, complex_.c.name.label("complex_name"), complex_.c.timezone, _back())
    query = query.join(complex_, complex_.c.id == payment.c.complex).outerjoin(session, of_session)
    here = (payment.c.code == code, payment.c.status == "paid", payment.c.receipt.is_not(None))
    row = (await connection.execute(query.where(*here))).mappings().first()
    return None if row is None else msgspec.convert({str(name): value for name, value in row.items()}, Receipt)


def _back() -> Any:
    same = (refund.c.complex == payment.c.complex, refund.c.out_trade_no == payment.c.out_trade_no)
    fen = cast(func.coalesce(func.sum(refund.c.amount_fen), 0), BigInteger)  # PostgreSQL's sum of them is a numeric
    summed = select(fen).where(*same, refund.c.status == "success")
    return summed.correlate(payment).scalar_subquery().label("back_fen")
