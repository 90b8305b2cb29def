"""Parking as people see it: who is inside, and every session, folded from the passages."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from server.batches import Batch
from server.store.schema import PARKING_TABLES, parking_passage, session
from server.store.stays import Tables, take

_TABLES = Tables(parking_passage, session)


class Parking:
    """The parking projection."""

    name = "parking"
    tables: tuple[Table, ...] = PARKING_TABLES

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        await take(connection, _TABLES, batches)
