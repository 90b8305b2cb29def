"""A place for files that nobody needs after a power cut."""

from __future__ import annotations

import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - whoever puts something there makes a folder of their own
_ROOM_BYTES = 2**30


def in_memory() -> Path | None:
    """The folder that lies in memory, where there is one with room."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES else None
