"""Plans and rotas of complexes, version by version: what is changed is a new one, and so is what is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.duty_tables import duty_plan, duty_rota
from server.store.engine import stamp

TABLES: dict[str, Table] = {"plan": duty_plan, "rota": duty_rota}
MOST_SHOWN = 50


class Overtaken(Exception):
    """Somebody else changed it meanwhile: load the page again and look what it says now."""


class Version(msgspec.Struct, frozen=True):
    """A version as the history shows it."""

    version: int
    words: str
    made_at: datetime
    made_by: str


class Document(msgspec.Struct, frozen=True):
    """The newest version and its number; 0 and nothing where nobody has made one."""

    version: int = 0
    body: bytes = b""


async def newest(connection: AsyncConnection, kind: str, complex_id: str) -> Document:
    table = TABLES[kind]
    query = select(table.c.version, table.c.body).where(table.c.complex == complex_id)
    row = (await connection.execute(query.order_by(table.c.version.desc()).limit(1))).first()
    return Document() if row is None else Document(row.version, row.body)


async def of_version(connection: AsyncConnection, kind: str, complex_id: str, version: int) -> bytes | None:
    table = TABLES[kind]
    query = select(table.c.body).where(table.c.complex == complex_id, table.c.version == version)
    return (await connection.execute(query)).scalar()


async def history(connection: AsyncConnection, kind: str, complex_id: str) -> Sequence[Version]:
    """The newest first."""
    table = TABLES[kind]
    columns = (table.c.version, table.c.words, table.c.made_at, table.c.made_by)
    query = select(*columns).where(table.c.complex == complex_id).order_by(table.c.version.desc()).limit(MOST_SHOWN)
    return [msgspec.convert(row, Version) for row in (await connection.execute(query)).mappings()]


async def add(
    connection: AsyncConnection, kind: str, complex_id: str, after: int, body: bytes, words: str, by: str, now: datetime
) -> int:
    """A version behind ``after``, in the complex's turn. Raises Overtaken where that is not the newest."""
    if (await newest(connection, kind, complex_id)).version != after:
        raise Overtaken(f"the {kind} of {complex_id} was changed after version {after}; load the page again")
    values = {"complex": complex_id, "version": after + 1, "body": body, "words": words}
    await connection.execute(TABLES[kind].insert().values(**values, made_at=stamp(now), made_by=by))
    return after + 1
