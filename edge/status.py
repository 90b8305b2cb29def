"""How the agent is: told to the centre at every heartbeat, to the log when it changes, and to a person who asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.events import Event
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS acknowledged(stream TEXT PRIMARY KEY, epoch TEXT NOT NULL, sequence INTEGER NOT NULL);
"""
STATUS_FILE = "status.json"
_CLOCK_STEP = timedelta(seconds=2)
_BACKLOG_STEP = 1_000


class StreamStatus(msgspec.Struct, frozen=True):
    """One stream: its newest sequence, the centre's watermark, and what lies between."""

    epoch: str
    head: int
    acknowledged: int

    @property
    def backlog(self) -> int:
        return max(0, self.head - self.acknowledged)

    def plain(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "head": self.head, "acknowledged": self.acknowledged, "backlog": self.backlog}


async def of_store(store: SqliteEventLog) -> dict[str, StreamStatus]:
    """Every stream's status as the file has it; works with or without a running agent."""
    heads = {name: (epoch, head) for name, epoch, head in await store.query("SELECT name, epoch, head FROM stream")}
    rows = await store.query("SELECT stream, epoch, sequence FROM acknowledged")
    known = {(stream, epoch): sequence for stream, epoch, sequence in rows}
    return {name: StreamStatus(epoch, head, known.get((name, epoch), 0)) for name, (epoch, head) in heads.items()}


async def counted(store: SqliteEventLog, table: str, where: str = "1") -> int:
    return (await store.query(f"SELECT count(*) FROM {table} WHERE {where}"))[0][0]  # noqa: S608 - our own names


async def remember(store: SqliteEventLog, acknowledged: dict[str, int]) -> None:
    """Keep the watermarks, so that a status without the centre is not a guess."""
    rows = [(stream, await store.epoch(stream), sequence) for stream, sequence in acknowledged.items()]
    sql = "INSERT OR REPLACE INTO acknowledged(stream, epoch, sequence) VALUES(?, ?, ?)"
    statements: list[Statement] = [(sql, rows)]
    await store.write(statements)


class Notices:
    """Turns changes of the agent's own state into events: started, backlog, clock."""

    device = "gateway"

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._backlog_step = 0
        self._offset = timedelta()

    def started(self, version: str) -> Event:
        return Event(kind="availability", device=self.device, state="online", text=version, time=self._now())

    def epoch(self, stream: str, reason: str) -> Event:
        """A stream's numbering began anew; what that means for the centre's count is said in words."""
        return Event(kind="measurement", device=self.device, point=f"epoch/{stream}", text=reason, time=self._now())

    def backlog(self, waiting: int) -> list[Event]:
        """An event when the backlog passes a thousand more, and when it is gone."""
        step = waiting // _BACKLOG_STEP
        if step == self._backlog_step or (waiting and not step > self._backlog_step):
            return []
        self._backlog_step = step
        return [self._measured("backlog", {"backlog_events": float(waiting)})]

    def clock(self, offset: timedelta) -> list[Event]:
        """An event when the clock's distance from the centre's moves by more than two seconds."""
        if abs(offset - self._offset) <= _CLOCK_STEP:
            return []
        self._offset = offset
        return [self._measured("clock", {"clock_offset_ms": round(offset.total_seconds() * 1000.0)})]

    def _measured(self, point: str, metrics: dict[str, float]) -> Event:
        return Event(kind="measurement", device=self.device, point=point, metrics=metrics, time=self._now())


def write_file(folder: Path, status: dict[str, Any]) -> None:
    """Leave the running agent's status for ``gatehouse-edge status``; it is a convenience and is not synced."""
    aside = folder / f"{STATUS_FILE}.part"
    aside.write_bytes(msgspec.json.encode(status))
    aside.rename(folder / STATUS_FILE)


def read_file(folder: Path) -> dict[str, Any]:
    """The last status a running agent left; empty where none ever ran."""
    try:
        return msgspec.json.decode((folder / STATUS_FILE).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):  # never written, or torn by a power cut: it is only a convenience
        return {}
