"""How the agent is: told to the centre at every heartbeat, to the log when it changes, and to a person who asks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.events import Event
from edge.clock import Clock
from edge.intake.flood import Said
from edge.store.happenings import Happened, LetGo, Salvaged
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

SCHEMA = """
CREATE TABLE IF NOT EXISTS acknowledged(stream TEXT PRIMARY KEY, epoch TEXT NOT NULL, sequence INTEGER NOT NULL);
"""
STATUS_FILE = "status.json"
_CLOCK_STEP = timedelta(seconds=2)
_SKEW, _SKEW_OVER = timedelta(minutes=1), timedelta(seconds=30)  # begins, and has ended
_BACKLOG_STEP = 1_000
_TEXT_SIGNS = 500


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
    """Turns changes of the agent's own state into events: started, backlog, clock, floods."""

    device = "gateway"

    def __init__(self, clock: Clock, *, skewed: bool = False) -> None:
        """``skewed``: an earlier run said that the clock is wrong, and not yet that it is right again."""
        self._clock = clock
        self._backlog_step = 0
        self._offset = timedelta()
        self.skewed = skewed

    def started(self, version: str) -> Event:
        return self._event(kind="availability", state="online", text=version)

    def epoch(self, stream: str, reason: str) -> Event:
        """A stream's numbering began anew; what that means for the centre's count is said in words."""
        return self._event(kind="measurement", point=f"epoch/{stream}", text=reason)

    def store(self, happened: Happened) -> Event:
        """Something befell the store: it was full, reopened after a fault, or set aside."""
        text = happened.detail[:_TEXT_SIGNS]
        return self._event(kind="measurement", point=f"store/{happened.what}", text=text)

    def let_go(self, gone: LetGo) -> Event:
        """What went for want of room: the class, how much, and which sequences of its stream."""
        metrics = {"dropped": float(gone.count), "size_bytes": float(gone.size_bytes)}
        if gone.last:
            metrics |= {"first": float(gone.first), "last": float(gone.last)}
        return self._measured(f"let_go/{gone.what}", metrics)

    def salvaged(self, folder: str, found: Salvaged) -> Event:
        """What of a store that was set aside could be carried over."""
        metrics = {key: float(value) for key, value in msgspec.structs.asdict(found).items()}
        return self._measured(f"salvaged/{folder}", metrics)

    def backlog(self, waiting: int) -> list[Event]:
        """An event when the backlog passes a thousand more, and when it is gone."""
        step = waiting // _BACKLOG_STEP
        if step == self._backlog_step or (waiting and not step > self._backlog_step):
            return []
        self._backlog_step = step
        return [self._measured("backlog", {"backlog_events": float(waiting)})]

    def clock(self, offset: timedelta | None) -> list[Event]:
        """An event when the clock's distance from the centre's moves by more than two seconds; an alarm where it is
        more than a minute, once while it lasts."""
        if offset is None:
            return []
        events = self._skew(offset)
        if abs(offset - self._offset) > _CLOCK_STEP:
            self._offset = offset
            events.append(self._measured("clock", {"clock_offset_ms": _ms(offset)}))
        return events

    def _skew(self, offset: timedelta) -> list[Event]:
        skewed = abs(offset) > (_SKEW_OVER if self.skewed else _SKEW)
        if skewed == self.skewed:
            return []
        self.skewed = skewed
        state, metrics = "active" if skewed else "cleared", {"clock_offset_ms": _ms(offset)}
        return [self._event(kind="alarm", point="clock", alarm="clock_skew", state=state, metrics=metrics)]

    def steps(self, steps: list[timedelta]) -> list[Event]:
        """An event for each step of the wall clock."""
        return [self._measured("clock", {"clock_step_ms": _ms(step)}) for step in steps]

    def floods(self, floods: list[Said]) -> list[Event]:
        """An event for each flood, as often as it is to be said."""
        return [self._flood(flood) for flood in floods]

    def _flood(self, flood: Said) -> Event:
        metrics = {"dropped_messages": float(flood.dropped), "window_s": round(flood.window_s, 1)}
        state = "cleared" if flood.ended else "active"
        return self._event(kind="measurement", point=f"flood/{flood.source}", state=state, metrics=metrics)

    def _measured(self, point: str, metrics: dict[str, float]) -> Event:
        return self._event(kind="measurement", point=point, metrics=metrics)

    def _event(self, **fields: Any) -> Event:
        quality = "ok" if self._clock.confirmed else "unsynced"
        return Event(device=self.device, time=self._clock.now(), time_quality=quality, **fields)


def _ms(span: timedelta) -> float:
    return float(round(span.total_seconds() * 1000))


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
