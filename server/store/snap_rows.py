"""Codes of places, by which residents report (随手拍), and the reporter's own code, of which only a digest is kept."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.engine import stamp
from server.store.item_tables import snap_place
from server.store.pay_code_rows import new_code
from server.store.schema import complex_

_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # without signs that look alike
_LENGTH = 16  # 79 bits
MOST_PLACES = 300


class SnapPlace(msgspec.Struct, frozen=True):
    """A place where a code hangs."""

    complex: str
    complex_name: str
    timezone: str
    token: str
    place: str


def code_of(key: str) -> str:
    """The reporter's code, from the key of the form they sent: sent twice, it is one report with one code."""
    number, signs = int.from_bytes(hashlib.sha256(f"snap {key}".encode()).digest(), "big"), list[str]()
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[rest])
    return "".join(signs)


def digest_of(code: str) -> str:
    """What is kept of a reporter's code: who works on the report cannot rate it."""
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()


async def find(connection: AsyncConnection, token: str) -> SnapPlace | None:
    """A place's code that is good."""
    query = _query().where(snap_place.c.token == token, snap_place.c.ended_at.is_(None))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else msgspec.convert(row, SnapPlace)


def _query() -> Any:
    columns = (snap_place.c.complex, snap_place.c.token, snap_place.c.place)
    query = select(*columns, complex_.c.name.label("complex_name"), complex_.c.timezone)
    return query.join(complex_, complex_.c.id == snap_place.c.complex)


async def of_complex(connection: AsyncConnection, complex_id: str) -> list[SnapPlace]:
    """The good ones, by place; the complex's own first."""
    query = _query().where(snap_place.c.complex == complex_id, snap_place.c.ended_at.is_(None))
    rows = (
        await connection.execute(query.order_by(snap_place.c.place, snap_place.c.token).limit(MOST_PLACES))
    ).mappings()
    return [msgspec.convert(row, SnapPlace) for row in rows]


async def make(connection: AsyncConnection, complex_id: str, place: str, by: str, now: datetime) -> str | None:
    """The token of a new code; None where there are as many as there may be."""
    if len(await of_complex(connection, complex_id)) >= MOST_PLACES:
        return None
    token = new_code()
    values = {"complex": complex_id, "token": token, "place": place, "made_at": stamp(now), "made_by": by}
    await connection.execute(snap_place.insert().values(**values))
    return token


async def end(connection: AsyncConnection, complex_id: str, token: str, now: datetime) -> bool:
    """Whether it was good until now."""
    good = (snap_place.c.complex == complex_id, snap_place.c.token == token, snap_place.c.ended_at.is_(None))
    return (await connection.execute(update(snap_place).where(*good).values(ended_at=stamp(now)))).rowcount == 1
