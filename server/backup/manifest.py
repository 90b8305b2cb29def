"""What a backup says of itself: who made it, of which schema, and what it must hold when it is put back."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

FORMAT = 1
EngineName = Literal["sqlite", "postgres"]


class BadBackup(Exception):
    """A backup that cannot be taken or used; the message says what and why. What it was to replace is as it was."""


class TableRows(msgspec.Struct, frozen=True):
    """One table: its columns in order, how many rows, and their digest whatever their order."""

    name: str
    columns: list[str]
    rows: int
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """The first thing that is read of a backup, and the last that is written."""

    format: int
    product: str  # the version of the program that made it
    revision: str  # of the schema
    engine: EngineName
    taken_at: datetime  # everything is as it was at this moment
    tables: list[TableRows]
    counters: dict[str, int]  # table -> the highest number it ever gave
    log_days: list[int]  # days since 1970-01-01 on which batches of the log came
    events: int  # in the log
    pictures: int | None = None  # None: not asked for
    pictures_missing: int = 0  # listed, and no longer there when they were to be read
    settings: dict[str, str] = {}  # file in the data folder -> sha256; none where not asked for

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)
