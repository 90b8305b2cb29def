"""Workbooks that were read and wait for a person's word: of each subject the last of each person."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.place_book import Book
from server.store.device_tables import device_import
from server.store.engine import stamp
from server.store.resident_tables import resident_import
from server.store.upsert import insert


class KeptSheets:
    """Those of one table: ``account``, ``complex``, ``made_at``, ``rows``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def keep(self, connection: AsyncConnection, person: int, complex_id: str, book: Book, at: datetime) -> None:
        """A person's last workbook, in the place of the one before."""
        values = {"account": person, "complex": complex_id, "made_at": stamp(at), "rows": msgspec.json.encode(book)}
        statement = insert(self._table).values(**values)
        changed = {name: statement.excluded[name] for name in ("complex", "made_at", "rows")}
        await connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=changed))

    async def kept(self, connection: AsyncConnection, person: int, complex_id: str, since: datetime) -> Book | None:
        """What a person sent last for the complex, unless that was long ago."""
        columns = self._table.c
        same = (columns.account == person, columns.complex == complex_id)
        query = select(columns.rows).where(*same, columns.made_at >= stamp(since))
        found = (await connection.execute(query)).scalar()
        return None if found is None else msgspec.json.decode(found, type=Book)

    async def forget(self, connection: AsyncConnection, person: int) -> None:
        await connection.execute(delete(self._table).where(self._table.c.account == person))


DEVICES, RESIDENTS = KeptSheets(device_import), KeptSheets(resident_import)
