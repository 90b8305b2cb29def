"""What goes first when there is no room: the oldest routine pictures, then routine records; nothing else, ever."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from edge import config
from edge.store.happenings import LetGo
from edge.store.media import MediaStore
from eventlog.sqlite import SqliteEventLog

_PICTURES_AT_ONCE = 10
_RECORDS_AT_ONCE = 2_000


class Capacity:
    """Keeps the folder within its bounds. Urgent and money records, and pictures that belong to them and are not at
    the centre yet, are never let go of."""

    def __init__(self, folder: Path, limits: config.Capacity, store: SqliteEventLog, media: MediaStore) -> None:
        self._folder, self._limits, self._store, self._media = folder, limits, store, media
        self.acknowledged: Mapping[str, int] = {}

    async def keep(self) -> list[LetGo]:
        """Let go of what is over the bounds; what went, a line a class. Raises LogBroken."""
        gone: list[LetGo] = []
        for share, is_over, step in (
            (1.0, self._pictures_over, self._sent_pictures),
            (1.0, self._log_over, self._acknowledged_records),
            (0.5, self._pictures_over, self._routine_pictures),
            (0.25, self._log_over, self._routine_records),
        ):
            gone.append(await self._while_over(share, is_over, step))
        return [entry for entry in gone if entry.count]

    async def _while_over(
        self, share: float, is_over: Callable[[], Awaitable[bool]], step: Callable[[], Awaitable[LetGo]]
    ) -> LetGo:
        """Until it is within its bound and ``share`` of the free room is there, or until no step finds any more.

        What is nowhere else goes at a smaller share: somebody else's full disk must not cost it lightly.
        """
        total = LetGo("")
        while await is_over() or self.free_bytes() < share * self._limits.free_bytes:
            gone = await step()
            total = _sum(total, gone)
            if not gone.count:
                break
        return total

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._folder).free

    async def _pictures_over(self) -> bool:
        return await self._media.size_bytes() > self._limits.picture_bytes

    async def _log_over(self) -> bool:
        return await self._store.used_bytes() > self._limits.log_bytes

    async def _sent_pictures(self) -> LetGo:
        return await self._pictures("sent_pictures", sent=True)

    async def _routine_pictures(self) -> LetGo:
        return await self._pictures("routine_pictures", sent=False)

    async def _pictures(self, what: str, *, sent: bool) -> LetGo:
        oldest = await self._media.oldest(_PICTURES_AT_ONCE, sent=sent)
        count = await self._media.forget([name for name, _ in oldest])
        return LetGo(what, count, sum(size for _, size in oldest))

    async def _acknowledged_records(self) -> LetGo:
        """The oldest of each stream that the centre has."""
        gone = LetGo("acknowledged")
        for stream in self._store.partitions:
            through = min(await self._next(stream), self.acknowledged.get(stream, 0))
            gone.count += await self._store.trim(stream, through)
        await self._store.reclaim()
        return gone

    async def _routine_records(self) -> LetGo:
        """The oldest routine records, wherever they are: the only ones that may be lost."""
        records = await self._store.read("routine", 0, _RECORDS_AT_ONCE)
        if not records:
            return LetGo("routine")
        last = records[-1].position
        count = await self._store.drop("routine", last)
        await self._store.reclaim()
        return LetGo("routine", count, sum(len(record.body) for record in records), records[0].position, last)

    async def _next(self, stream: str) -> int:
        records = await self._store.read(stream, 0, _RECORDS_AT_ONCE)
        return records[-1].position if records else 0


def _sum(total: LetGo, gone: LetGo) -> LetGo:
    first = total.first or gone.first
    return LetGo(
        gone.what, total.count + gone.count, total.size_bytes + gone.size_bytes, first, max(total.last, gone.last)
    )
