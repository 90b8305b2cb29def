"""What a person says of a record that was read wrongly: kept beside it, while the record stays as it was read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.subjects import Subject
from server.retention.holds import Why
from server.retention.noted import note
from server.retention.search import events
from server.store.engine import Database, stamp
from server.store.retention_tables import correction

FIELDS = ("plate", "card", "person", "direction", "time", "note")


class NoRecord(Exception):
    """The subject stands in no such record."""


class Correction(msgspec.Struct, frozen=True):
    """Which field of which record should read what. ``origin``: gateway/stream/epoch/sequence, as find shows it."""

    origin: str
    field: str
    value: str

    def __post_init__(self) -> None:
        if self.field not in FIELDS:
            raise ValueError(f"no field {self.field!r} is corrected; there are {', '.join(FIELDS)}")
        if not self.value.strip():
            raise ValueError("what it should read must be said")


async def correct(
    db: Database, subject: Subject, complexes: Collection[str], said: Correction, why: Why, now: datetime
) -> int:
    """Keep a correction; its number. Raises NoRecord."""
    from server.retention.export import origin_of

    async for seen in events(db, subject, complexes):
        if origin_of(seen) == said.origin:
            async with db.write() as connection:
                return await _keep(connection, seen.fact.complex, said, why, now)
    raise NoRecord(f"no record {said.origin} names them")


async def _keep(connection: AsyncConnection, complex_id: str, said: Correction, why: Why, now: datetime) -> int:
    row = {"complex": complex_id, "origin": said.origin, "field": said.field, "value": said.value}
    who = {"reason": f"{why.reason} ({why.document})", "made_by": why.by, "made_at": stamp(now)}
    made = await connection.execute(correction.insert().values(**row, **who).returning(correction.c.number))
    number = made.scalar_one()
    await note(connection, "corrected", why.who, {"number": number, "origin": said.origin}, now)
    return number


async def of_origins(connection: AsyncConnection, origins: Collection[str]) -> list[dict[str, Any]]:
    """The corrections of records."""
    query = select(correction).where(correction.c.origin.in_(sorted(origins))).order_by(correction.c.number)
    return [dict(row) for row in (await connection.execute(query)).mappings()]
