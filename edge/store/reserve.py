"""A file of real blocks that is given up when the disk is full: deleting rows needs room too."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge.store.durable import sync_folder

FILE = "reserve"


class Reserve:
    """``size_bytes`` of the disk, kept for the worst day; 0 for none."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._path, self._size_bytes = folder / FILE, size_bytes

    @property
    def is_held(self) -> bool:
        return self._path.exists()

    def hold(self) -> bool:
        """Take the room where there is plenty; whether it is held. Never the last of the disk."""
        if self.is_held or not self._size_bytes:
            return self.is_held
        if shutil.disk_usage(self._path.parent).free < 2 * self._size_bytes:
            return False
        try:
            self._take()
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        return True

    def _take(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        finally:
            os.close(descriptor)

    def release(self) -> bool:
        """Give the room back; whether there was any to give."""
        if not self.is_held:
            return False
        self._path.unlink(missing_ok=True)
        sync_folder(self._path.parent)
        return True
