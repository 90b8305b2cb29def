"""The audit as a table that spreadsheets open: CSV, in bites, the oldest row first."""

from __future__ import annotations

import csv
from typing import TextIO

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import Content, Row
from server.store import audit_rows
from server.store.audit_rows import Filter
from server.store.scope import Scope

MOST_ROWS = 200_000
_CONTENT = tuple(name for name in Content.__struct_fields__ if name != "nonce")
COLUMNS = ("number", "at", "action", *_CONTENT, "blanked_at", "digest", "previous", "hash", "nonce")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet begins to compute


class CsvWriter:
    """Writes rows of a search to a file; at most ``MOST_ROWS``."""

    def __init__(self, file: TextIO) -> None:
        self._csv = csv.writer(file)

    async def write_all(self, connection: AsyncConnection, scope: Scope, chosen: Filter) -> int:
        """How many rows there were."""
        self._csv.writerow(COLUMNS)
        written = 0
        async for row in audit_rows.oldest_first(connection, scope, chosen, MOST_ROWS):
            self._csv.writerow([_cell(value) for value in _cells(row)])
            written += 1
        return written


def _cells(row: Row) -> list[object]:
    said = row.content
    content = [getattr(said, name) if said else None for name in _CONTENT]
    chained = [row.blanked_at, row.digest, row.previous, row.hash, said.nonce if said else None]
    return [row.number, row.at, row.action, *content, *chained]


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets a mark before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
