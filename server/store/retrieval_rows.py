"""Statements on the register of retrievals: asked, decided by somebody else, viewed, taken out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.feeds.classes import DataClass
from domain.feeds.retrieval import Wanted
from server.store.engine import stamp, unstamp
from server.store.platform_tables import retrieval as table
from server.store.scope import Scope, within


class Retrieval(msgspec.Struct, frozen=True):
    """A request as the register has it."""

    id: str
    complex: str
    wanted: Wanted
    state: str
    asked_at: datetime
    asked_by: str
    decided_by: str | None
    viewed_at: datetime | None
    viewed_by: str | None
    exported_at: datetime | None
    exported_by: str | None
    sha256: str | None


async def ask(connection: AsyncConnection, id_: str, complex_id: str, wanted: Wanted, by: str, now: datetime) -> None:
    words = {name: getattr(wanted, name) for name in ("applicant", "unit", "document", "purpose")}
    span = {"since": stamp(wanted.since), "until": stamp(wanted.until), "classes": " ".join(sorted(wanted.classes))}
    said = {"id": id_, "complex": complex_id, "state": "asked", "asked_at": stamp(now), "asked_by": by}
    await connection.execute(table.insert().values(**words, **span, **said))


async def decide(connection: AsyncConnection, id_: str, state: str, by: str, now: datetime) -> bool:
    """Whether it was still undecided."""
    this = (table.c.id == id_, table.c.state == "asked", table.c.asked_by != by)
    values = {"state": state, "decided_at": stamp(now), "decided_by": by}
    return (await connection.execute(update(table).where(*this).values(**values))).rowcount == 1


async def viewed(connection: AsyncConnection, id_: str, by: str, now: datetime) -> None:
    values = {"viewed_at": stamp(now), "viewed_by": by}
    await connection.execute(update(table).where(table.c.id == id_).values(**values))


async def exported(connection: AsyncConnection, id_: str, sha256: str, by: str, now: datetime) -> None:
    values = {"exported_at": stamp(now), "exported_by": by, "sha256": sha256}
    await connection.execute(update(table).where(table.c.id == id_).values(**values))


async def newest(connection: AsyncConnection, scope: Scope, limit: int) -> list[Retrieval]:
    query = select(table).where(within(table.c.complex, scope)).order_by(table.c.asked_at.desc(), table.c.id)
    return [_retrieval(row) for row in (await connection.execute(query.limit(limit))).all()]


async def find(connection: AsyncConnection, scope: Scope, id_: str) -> Retrieval | None:
    query = select(table).where(table.c.id == id_, within(table.c.complex, scope))
    row = (await connection.execute(query)).first()
    return None if row is None else _retrieval(row)


def _retrieval(row: Any) -> Retrieval:
    wanted = Wanted(
        applicant=row.applicant,
        unit=row.unit,
        document=row.document,
        purpose=row.purpose,
        since=unstamp(row.since),
        until=unstamp(row.until),
        classes=cast("frozenset[DataClass]", frozenset(row.classes.split())),
    )
    return Retrieval(
        row.id,
        row.complex,
        wanted,
        row.state,
        unstamp(row.asked_at),
        row.asked_by,
        row.decided_by,
        row.viewed_at and unstamp(row.viewed_at),
        row.viewed_by,
        row.exported_at and unstamp(row.exported_at),
        row.exported_by,
        row.sha256,
    )
