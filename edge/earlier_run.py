"""What earlier runs on this folder left that a clock can be held against."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from edge.clock import RELEASED_AT
from edge.status import status
from eventlog.sqlite import SqliteEventLog

_LOOKED_AT = 200


class _Head(msgspec.Struct):
    recorded_at: datetime
    time_quality: str = "ok"


class _Clock(msgspec.Struct, frozen=True):
    skewed: bool = False


class _Left(msgspec.Struct):
    """What matters here of the status that the last run left."""

    broker_connected_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    clock: _Clock = _Clock()


class EarlierRun(msgspec.Struct, frozen=True):
    """``newest_at``: the newest time in the log that could be trusted. ``listened_until``: up to when the broker was
    heard, long ago where that was lost; None where there was no earlier run. ``skewed``: the clock was said to be off.
    """

    newest_at: datetime
    listened_until: datetime | None
    skewed: bool


async def look_back(folder: Path, store: SqliteEventLog) -> EarlierRun:
    """What is known when an agent starts."""
    left = _left(status.read_file(folder))
    is_first = not any([await store.head(stream) for stream in store.partitions])
    until = left.broker_connected_at or (None if is_first else RELEASED_AT)
    return EarlierRun(await _newest(store), until, left.clock.skewed)


def _left(described: dict[str, Any]) -> _Left:
    try:
        return msgspec.convert(described, _Left)
    except msgspec.ValidationError:  # of another version, or damaged: it is only a convenience
        return _Left()


async def _newest(store: SqliteEventLog) -> datetime:
    newest = RELEASED_AT
    for stream in store.partitions:
        after = max(0, await store.head(stream) - _LOOKED_AT)
        heads = [msgspec.json.decode(record.body, type=_Head) for record in await store.read(stream, after, _LOOKED_AT)]
        newest = max([newest, *(head.recorded_at for head in heads if head.time_quality != "unsynced")])
    return newest
