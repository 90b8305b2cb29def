"""Pictures beside the log: a file each, named by its content, durable before the event that names it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from edge.devices.driver import Picture
from eventlog.sqlite import SqliteEventLog, Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS media(
    sha256 TEXT PRIMARY KEY, number INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS media_unsent ON media(number) WHERE sent = 0;
"""
_INSERT = """INSERT OR IGNORE INTO media(sha256, number)
VALUES(?, (SELECT coalesce(max(number), 0) + 1 FROM media))"""


class MediaStore:
    """A folder of pictures and the list of those the centre still lacks."""

    def __init__(self, folder: Path, store: SqliteEventLog) -> None:
        self._folder, self._store = folder, store
        self.more = asyncio.Event()

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    async def keep(self, pictures: Sequence[Picture]) -> None:
        """Write and fsync what is not there yet, off the event loop. Raises OSError."""
        fresh = [picture for picture in pictures if not self.path(picture.sha256).exists()]
        if fresh:
            await asyncio.to_thread(self._write, fresh)

    def _write(self, pictures: list[Picture]) -> None:
        for picture in pictures:
            path = self.path(picture.sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_durably(path, picture.body)

    def statements(self, pictures: Sequence[Picture]) -> list[Statement]:
        """The inserts that list pictures for sending, for the transaction that holds their events."""
        if not pictures:
            return []
        self.more.set()
        return [(_INSERT, [(picture.sha256,) for picture in pictures])]

    async def unsent(self, limit: int) -> list[str]:
        """Names of pictures the centre lacks, the oldest first."""
        rows = await self._store.query("SELECT sha256 FROM media WHERE sent = 0 ORDER BY number LIMIT ?", (limit,))
        return [row[0] for row in rows]

    async def count_unsent(self) -> int:
        rows = await self._store.query("SELECT count(*) FROM media WHERE sent = 0")
        return rows[0][0]

    async def mark_sent(self, names: Sequence[str]) -> None:
        await self._store.write([("UPDATE media SET sent = 1 WHERE sha256 = ?", [(name,) for name in names])])

    async def forget_sent(self, before: datetime) -> int:
        """Delete pictures that the centre has and that are older than ``before``; how many."""
        rows = await self._store.query("SELECT sha256 FROM media WHERE sent = 1")
        old = await asyncio.to_thread(self._older, [row[0] for row in rows], before.timestamp())
        await asyncio.to_thread(self._delete, old)
        if old:
            await self._store.write([("DELETE FROM media WHERE sha256 = ?", [(name,) for name in old])])
        return len(old)

    def _older(self, names: Sequence[str], before_s: float) -> list[str]:
        paths = ((name, self.path(name)) for name in names)
        return [name for name, path in paths if not path.exists() or path.stat().st_mtime < before_s]

    def _delete(self, names: Sequence[str]) -> None:
        for name in names:
            self.path(name).unlink(missing_ok=True)


def _write_durably(path: Path, body: bytes) -> None:
    """Whole or not at all, also over a power cut: written aside, synced, renamed, and the folder synced."""
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
