"""Stores that were set aside: once the centre says what it has of them, the rest is carried over and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from edge.store import salvage
from edge.store.durable import write_file
from edge.store.file import FILE
from edge.store.happenings import Salvaged
from edge.store.keeper import SET_ASIDE
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from eventlog.sqlite import SqliteEventLog

log = structlog.get_logger()

_DONE = "salvaged.json"


class _Mark(msgspec.Struct):
    stream: str
    epoch: str
    last: int


class _Marks(msgspec.Struct):
    watermarks: list[_Mark]


def set_aside(folder: Path) -> list[Path]:
    """Folders of stores that were set aside and not yet carried over, the oldest first."""
    return sorted(place for place in folder.glob(f"{SET_ASIDE}*") if not (place / _DONE).exists())


async def recover(
    folder: Path,
    store: SqliteEventLog,
    uplink: Uplink,
    tell: Callable[[str, Salvaged], Awaitable[None]],
    pause_s: Callable[[int], float],
) -> None:
    """Carry over what the centre lacks of every store that was set aside; until done. Raises LogBroken."""
    failures = 0
    while waiting := set_aside(folder):
        try:
            answer = understood(await uplink.send_json("POST", "/v1/watermarks", {}), _Marks)
        except (UplinkDown, Refused) as error:
            failures += 1
            log.warning("recovery_waits", error=str(error))
            await asyncio.sleep(pause_s(failures))
            continue
        marks = {(mark.stream, mark.epoch): mark.last for mark in answer.watermarks}
        for place in waiting:
            found = await salvage.carry_records(place, FILE, store, marks)
            log.warning("salvaged", folder=place.name, **msgspec.structs.asdict(found))
            await tell(place.name, found)
            write_file(place / _DONE, msgspec.json.encode(found))
