"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: Path, body: bytes, *, mode: int = 0o644) -> None:
    """Written aside, synced, renamed, and the folder synced, which is made where it is not there. Raises OSError."""
    make_folder(path.parent)
    aside = path.with_name(f"{path.name}.part")
    # Root may write into an account's folder: a link that stands there must not lead it elsewhere.
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    sync_folder(path.parent)


def make_folder(folder: Path, *, mode: int = 0o755) -> None:
    """Make a folder and what leads to it; a new name is on the disk once the folder that holds it is."""
    if folder.exists():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=mode)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Names made, changed or removed in a folder are on the disk once it is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
