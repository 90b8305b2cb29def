"""What the box says of itself beyond what the centre shows: ages, rates, the disk, the devices last heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.intake.last_seen import LastSeen
from edge.status.rates import Rates
from edge.status.status import StreamStatus
from edge.store import disk
from eventlog.log import Log

_RATED = ("messages", "events")


class _Recorded(msgspec.Struct):
    recorded_at: datetime | None = None


_decode = msgspec.json.Decoder(_Recorded).decode


class Figures:
    """Gathered once a second for the status file and the metrics page; ``listed`` gives the devices listed by now."""

    def __init__(self, folder: Path, seen: LastSeen, listed: Callable[[], Iterable[str]]) -> None:
        self._folder, self._seen, self._listed = folder, seen, listed
        self._rates = Rates()

    async def describe(
        self, log: Log, streams: Mapping[str, StreamStatus], counts: Mapping[str, int]
    ) -> dict[str, Any]:
        """The entries ``oldest_unsent_at``, ``seen``, ``rates`` and ``disk``."""
        now_s = asyncio.get_running_loop().time()
        return {
            "oldest_unsent_at": await oldest_unsent(log, streams),
            "seen": self._seen.shown(self._listed()),
            "rates": self._rates.note(now_s, {name: counts.get(name, 0) for name in _RATED}),
            "disk": await asyncio.to_thread(_disk, self._folder),
        }


def _disk(folder: Path) -> dict[str, Any] | None:
    """None for a disk that does not answer: that is for the log to say."""
    try:
        return msgspec.to_builtins(disk.look(folder))
    except OSError:
        return None


async def oldest_unsent(log: Log, streams: Mapping[str, StreamStatus]) -> dict[str, datetime]:
    """Stream -> when the oldest event that the centre lacks was recorded; no entry where it lacks none."""
    found: dict[str, datetime] = {}
    for name, entry in streams.items():
        records = await log.read(name, entry.acknowledged, 1) if entry.backlog else []
        at = recorded_at(records[0].body) if records else None
        if at is not None:
            found[name] = at
    return found


def recorded_at(body: bytes) -> datetime | None:
    """None where the record is no event any more: that is for the log's own check to say."""
    try:
        return _decode(body).recorded_at
    except msgspec.MsgspecError:
        return None
