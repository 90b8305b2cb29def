"""The agent's one file: the log, and beside it what must change in the same transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge.control import card_orders, desired, door_memory, eraser, lane_memory, orders
from edge.gate import till
from edge.intake import parked
from edge.status import status
from edge.store import conservation, media, milestones, salvage
from eventlog.sqlite import OwnTables, SqliteEventLog

FILE = "log.db"
FOLDER_MODE = 0o700  # whoever may look in reads plates and cards
FILE_MODE = 0o600  # also where somebody opened the folder; what SQLite puts beside the file has the file's mode
_DECIDING = (desired, orders, door_memory, card_orders, lane_memory, till)
_BESIDE = (media, parked, status, salvage, conservation, *_DECIDING, milestones, eraser)
OWN_TABLES = OwnTables("".join(module.SCHEMA for module in _BESIDE), media.COLUMNS + parked.COLUMNS)


async def open_store(folder: Path, now: Callable[[], datetime]) -> SqliteEventLog:
    """Open the store, or make it with a new epoch."""
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    for path in (folder / FILE, *folder.glob(f"{FILE}-*")):
        path.touch(mode=FILE_MODE)
        path.chmod(FILE_MODE)
    return await SqliteEventLog.open(folder / FILE, new_epoch(now()), OWN_TABLES)


def new_epoch(now: datetime) -> str:
    """A name no earlier store had, that sorts by age for people."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
