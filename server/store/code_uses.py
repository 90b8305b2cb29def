"""Codes that gateways let in: noted by a reader of the log, and then marked in the rows that lists are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.bulk import insert_new
from server.store.engine import stamp
from server.store.resident_tables import code_use, credential

_COLUMNS = ("complex", "entry", "at", "place", "gateway")


class Use(msgspec.Struct, frozen=True):
    """An entry of a complex's list by which somebody was let in."""

    complex: str
    entry: str
    at: datetime
    place: str
    gateway: str

    @property
    def key(self) -> tuple[str, str]:
        return self.complex, self.entry


async def note(connection: AsyncConnection, uses: Sequence[Use]) -> None:
    """Once each; what is noted already stays."""
    rows = [(one.complex, one.entry, stamp(one.at), one.place, one.gateway) for one in uses]
    await insert_new(connection, code_use, _COLUMNS, rows)


async def complexes(connection: AsyncConnection) -> list[str]:
    """Those of which something is noted."""
    found = await connection.execute(select(code_use.c.complex).distinct().order_by(code_use.c.complex))
    return list(found.scalars())


async def take(connection: AsyncConnection, complex_id: str) -> int:
    """Mark the codes of one use; how many of them are new. What else was noted is let go."""
    mine = code_use.c.complex == complex_id
    noted = (await connection.execute(select(code_use).where(mine).order_by(code_use.c.entry))).mappings().all()
    await connection.execute(delete(code_use).where(mine, code_use.c.entry.in_([row["entry"] for row in noted])))
    marked = 0
    for row in noted:
        once = (credential.c.complex == complex_id, credential.c.id == row["entry"], credential.c.kind == "qr")
        used = update(credential).where(*once, credential.c.used_at.is_(None))
        values = {"used_at": row["at"], "used_where": row["place"], "used_by": row["gateway"]}
        marked += (await connection.execute(used.values(**values, version=None))).rowcount
    return marked
