"""The agent's one file: the log, and beside it what must change in the same transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge import conservation, media, milestones, parked, salvage, status
from eventlog.sqlite import OwnTables, SqliteEventLog

FILE = "log.db"
_SCHEMAS = (media.SCHEMA, parked.SCHEMA, status.SCHEMA, salvage.SCHEMA, conservation.SCHEMA, milestones.SCHEMA)
OWN_TABLES = OwnTables("".join(_SCHEMAS), media.COLUMNS + parked.COLUMNS)
FOLDER_MODE = 0o700  # whoever may look in reads plates and cards


async def open_store(folder: Path, now: Callable[[], datetime]) -> SqliteEventLog:
    """Open the store, or make it with a new epoch."""
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    return await SqliteEventLog.open(folder / FILE, new_epoch(now()), OWN_TABLES)


def new_epoch(now: datetime) -> str:
    """A name no earlier store had, that sorts by age for people."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
