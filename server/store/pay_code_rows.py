"""Codes to pay by: one of a complex and one of each exit, printed on a sheet; who has one learns nothing of others."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.payment_tables import pay_code
from server.store.schema import complex_, gateway

_SIGNS = "23456789" + "abcdefghjkm" + "npqrstuvwxyz"
_LENGTH = 12


def new_code() -> str:
    """58 bits, without signs that look alike."""
    return "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))


async def find(connection: AsyncConnection, code: str) -> Mapping[str, Any] | None:
    """A code that is good, with its complex."""
    query = select(pay_code, complex_.c.name.label("complex_name"), complex_.c.timezone)
    query = query.join(complex_, complex_.c.id == pay_code.c.complex)
    good = (pay_code.c.code == code, pay_code.c.ended_at.is_(None))
    row = (await connection.execute(query.where(*good))).mappings().first()
    return None if row is None else {str(name): value for name, value in row.items()}


async def of_complex(connection: AsyncConnection, complex_id: str) -> list[dict[str, Any]]:
    """The good ones, the complex's own first."""
    good = (pay_code.c.complex == complex_id, pay_code.c.ended_at.is_(None))
    rows = (await connection.execute(select(pay_code).where(*good).order_by(pay_code.c.lane))).mappings()
    return [{str(name): value for name, value in row.items()} for row in rows]


async def make(connection: AsyncConnection, complex_id: str, lanes: Iterable[str], by: str, now: datetime) -> int:
    """A code for the complex and each lane that has none; how many are new."""
    there = {row["lane"] for row in await of_complex(connection, complex_id)}
    wanted = [lane for lane in ("", *lanes) if lane not in there]
    for lane in wanted:
        values = {"complex": complex_id, "code": new_code(), "lane": lane, "made_at": stamp(now), "made_by": by}
        await connection.execute(pay_code.insert().values(**values))
    return len(wanted)


async def end(connection: AsyncConnection, complex_id: str, code: str, now: datetime) -> bool:
    """Whether it was good until now."""
    mine = (pay_code.c.complex == complex_id, pay_code.c.code == code, pay_code.c.ended_at.is_(None))
    done = await connection.execute(update(pay_code).where(*mine).values(ended_at=stamp(now)))
    return bool(done.rowcount)


async def heard_at(connection: AsyncConnection, complex_id: str) -> str | None:
    """When a gateway of the complex was heard last."""
    alive = (gateway.c.complex == complex_id, gateway.c.replaced_at.is_(None))
    return (await connection.execute(select(func.max(gateway.c.last_seen_at)).where(*alive))).scalar()
