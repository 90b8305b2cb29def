"""How full the disk of a folder is, and what of it is ours."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from edge.store.file import FILE


class Disk(msgspec.Struct, frozen=True):
    """The file system that holds a folder. ``free_inodes`` of ``inodes`` are 0 of 0 where it has no such bound."""

    free_bytes: int
    size_bytes: int
    free_inodes: int
    inodes: int
    log_bytes: int  # the log with its write-ahead file


def look(folder: Path) -> Disk:
    """How it is now; free is what an ordinary user may still write. Raises OSError."""
    found = os.statvfs(folder)
    return Disk(
        free_bytes=found.f_bavail * found.f_frsize,
        size_bytes=found.f_blocks * found.f_frsize,
        free_inodes=found.f_favail,
        inodes=found.f_files,
        log_bytes=sum(_size_bytes(folder / name) for name in (FILE, f"{FILE}-wal")),
    )


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
