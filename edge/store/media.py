"""Pictures beside the log: a file each, named by its content, durable before the event that names it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from edge.devices.driver import Picture
from edge.store.durable import write_file
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement
from eventlog.sqlite_schema import Column

log = structlog.get_logger()

# sent: 0 waiting, 1 at the centre, 2 lost: nothing will ever send it, 3 at the centre once, which may have lost it.
# refusals: how often the centre's side said no. class: the stream of the event that names it, the most urgent.
SCHEMA = """
CREATE TABLE IF NOT EXISTS media(
    number INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL UNIQUE, sent INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0, class TEXT NOT NULL DEFAULT 'routine', bytes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS media_unsent ON media(refusals, number) WHERE sent = 0;
"""
_SENT = "SELECT number, sha256 FROM media WHERE number > ? AND number <= ? AND sent <> 0 ORDER BY number LIMIT ?"
_AT_ONCE = 500
COLUMNS: tuple[Column, ...] = (
    ("media", "class", "TEXT NOT NULL DEFAULT 'routine'"),
    ("media", "bytes", "INTEGER NOT NULL DEFAULT 0"),
)
_INSERT = """INSERT INTO media(sha256, class, bytes) VALUES(?, ?, ?)
ON CONFLICT(sha256) DO UPDATE SET class = CASE
    WHEN 'urgent' IN (class, excluded.class) THEN 'urgent'
    WHEN 'money' IN (class, excluded.class) THEN 'money' ELSE 'routine' END"""
_UNSENT = """SELECT sha256 FROM media
WHERE sent = 0 AND refusals = (SELECT min(refusals) FROM media WHERE sent = 0) ORDER BY number DESC LIMIT ?"""


class Kept(msgspec.Struct, frozen=True):
    """A picture and the stream of the event that names it: what may be let go of first is a routine one."""

    picture: Picture
    stream: str


_NAME = re.compile(r"[0-9a-f]{64}")


def is_picture(picture: Picture) -> bool:
    """Whether it has bytes, and the name of a content: nothing else may become a path."""
    return _NAME.fullmatch(picture.sha256) is not None and isinstance(picture.body, bytes)  # pyright: ignore[reportUnnecessaryIsInstance]


class MediaStore:
    """A folder of pictures and the list of those the centre still lacks."""

    def __init__(self, folder: Path, store: SqliteEventLog) -> None:
        self._folder, self._store = folder, store
        self.more = asyncio.Event()
        self.counts: Counter[str] = Counter()

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    async def keep(self, pictures: Sequence[Picture]) -> None:
        """Write and fsync what is not there yet, off the event loop.

        A picture that the disk does not take is said and counted: what happened weighs more than how it looked, and
        its event must not wait for it.
        """
        fresh = [picture for picture in pictures if not self.path(picture.sha256).exists()]
        if fresh:
            await asyncio.to_thread(self._write, fresh)

    def _write(self, pictures: list[Picture]) -> None:
        for picture in pictures:
            try:
                write_file(self.path(picture.sha256), picture.body)
            except OSError as error:
                self.counts["picture_not_kept"] += 1
                log.error("picture_not_kept", sha256=picture.sha256, bytes=len(picture.body), error=str(error))

    def statements(self, kept: Sequence[Kept]) -> list[Statement]:
        """The inserts that list pictures for sending, for the transaction that holds their events."""
        if not kept:
            return []
        return [(_INSERT, [(one.picture.sha256, one.stream, len(one.picture.body)) for one in kept])]

    def announce(self) -> None:
        """Wake who sends. After the commit: earlier, the sender looks, sees nothing and goes back to sleep."""
        self.more.set()

    async def unsent(self, limit: int) -> list[str]:
        """Names of pictures the centre lacks: the least refused, of those the newest first.

        So an alarm's picture stands behind no backlog, and nothing stands behind a picture that is refused for ever.
        """
        return [row[0] for row in await self._store.query(_UNSENT, (limit,))]

    async def count_unsent(self) -> int:
        rows = await self._store.query("SELECT count(*) FROM media WHERE sent = 0")
        return rows[0][0]

    async def mark_sent(self, names: Sequence[str]) -> None:
        """The centre has them."""
        await self._write_each("UPDATE media SET sent = 1 WHERE sha256 = ?", names)

    async def mark_lost(self, names: Sequence[str]) -> None:
        """They are gone, damaged or larger than the centre takes: no longer tried."""
        await self._write_each("UPDATE media SET sent = 2 WHERE sha256 = ?", names)

    async def mark_refused(self, names: Sequence[str]) -> None:
        """They were refused, perhaps by something in between: tried again, behind those refused less often."""
        await self._write_each("UPDATE media SET refusals = refusals + 1 WHERE sha256 = ?", names)

    async def offer_again(self) -> None:
        """The centre lost something: it is asked which of the pictures it once had it still has."""
        await self._store.write([("UPDATE media SET sent = 3, refusals = 0 WHERE sent = 1", [()])])
        self.more.set()

    async def offered(self, limit: int) -> list[str]:
        """Names of pictures of which it is not known whether the centre still has them."""
        rows = await self._store.query("SELECT sha256 FROM media WHERE sent = 3 ORDER BY number DESC LIMIT ?", (limit,))
        return [row[0] for row in rows]

    async def mark_unsent(self, names: Sequence[str]) -> None:
        """The centre lacks them."""
        await self._write_each("UPDATE media SET sent = 0 WHERE sha256 = ?", names)

    async def size_bytes(self) -> int:
        """What all the pictures that are kept take."""
        return (await self._store.query("SELECT coalesce(sum(bytes), 0) FROM media"))[0][0]

    async def oldest(self, limit: int, *, sent: bool) -> list[tuple[str, int]]:
        """(name, bytes) of the oldest pictures that may go: those the centre has, or routine ones it lacks."""
        which = "sent <> 0" if sent else "sent = 0 AND class = 'routine'"
        sql = f"SELECT sha256, bytes FROM media WHERE {which} ORDER BY number LIMIT ?"  # noqa: S608 - our own words
        return [(row[0], row[1]) for row in await self._store.query(sql, (limit,))]

    async def forget(self, names: Sequence[str]) -> int:
        """Delete pictures, whatever their age; how many went."""
        gone = await asyncio.to_thread(self._delete, names)
        await self._write_each("DELETE FROM media WHERE sha256 = ?", gone)
        return len(gone)

    async def _write_each(self, sql: str, names: Sequence[str]) -> None:
        if names:
            await self._store.write([(sql, [(name,) for name in names])])

    async def newest_number(self) -> int:
        """The number of the picture listed last; 0 for none."""
        return (await self._store.query("SELECT coalesce(max(number), 0) FROM media"))[0][0]

    async def forget_sent(self, through: int) -> int:
        """Delete pictures up to number ``through`` that the centre has or will never have; how many."""
        forgotten = after = 0
        while rows := await self._store.query(_SENT, (after, through, _AT_ONCE)):
            gone = await asyncio.to_thread(self._delete, [row[1] for row in rows])
            await self._write_each("DELETE FROM media WHERE sha256 = ?", gone)
            forgotten, after = forgotten + len(gone), rows[-1][0]
        return forgotten

    def _delete(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self._gone(self.path(name))]

    def _gone(self, path: Path) -> bool:
        """Whether the file is not there any more. One that the disk does not let go is said and stays listed."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("picture_not_deleted", path=str(path), error=str(error))
            return False
        return True
