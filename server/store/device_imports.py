"""Sheets of devices that were read and wait for a person's word: the last of each person, for an hour."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.place_book import Book
from server.store.device_tables import device_import
from server.store.engine import stamp
from server.store.upsert import insert


async def keep(connection: AsyncConnection, person: int, complex_id: str, book: Book, at: datetime) -> None:
    """A person's last sheet, in the place of the one before."""
    values = {"account": person, "complex": complex_id, "made_at": stamp(at), "rows": msgspec.json.encode(book)}
    statement = insert(device_import).values(**values)
    changed = {name: statement.excluded[name] for name in ("complex", "made_at", "rows")}
    await connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=changed))


async def kept(connection: AsyncConnection, person: int, complex_id: str, since: datetime) -> Book | None:
    """What a person sent last for the complex, unless that was long ago."""
    same = (device_import.c.account == person, device_import.c.complex == complex_id)
    query = select(device_import.c.rows).where(*same, device_import.c.made_at >= stamp(since))
    found = (await connection.execute(query)).scalar()
    return None if found is None else msgspec.json.decode(found, type=Book)


async def forget(connection: AsyncConnection, person: int) -> None:
    await connection.execute(delete(device_import).where(device_import.c.account == person))
