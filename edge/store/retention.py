"""How long the gateway keeps what the centre has: by age, never before it was acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from edge.store import milestones
from edge.store.media import MediaStore
from edge.store.milestones import Reached
from eventlog.sqlite import SqliteEventLog

_PICTURES = "media"


async def forget_old(
    store: SqliteEventLog, media: MediaStore, acknowledged: Mapping[str, int], now: datetime, keep: timedelta
) -> None:
    """Let go of what the centre has had for long enough. ``now`` is a time that somebody vouches for.

    Age is counted by milestones, not by the times in records and files: a clock that was wrong when they were
    written, or jumps now, lets nothing go early.
    """
    heads = {stream: Reached(await store.epoch(stream), await store.head(stream)) for stream in store.partitions}
    await milestones.add(store, {**heads, _PICTURES: Reached("", await media.newest_number())}, now, keep)
    await media.forget_sent(await milestones.passed(store, _PICTURES, "", now - keep))
    for stream, watermark in acknowledged.items():
        old = await milestones.passed(store, stream, heads[stream].epoch, now - keep)
        if through := min(watermark, old):
            await store.trim(stream, through)
