"""The newest of the log, and what comes after: read beside a running agent, a look at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from domain.events import CONFIDENTIAL, Event, decode_event
from edge.status import beside
from edge.status.status import StreamStatus

_AT_ONCE = 1_000
_NEVER = datetime.min.replace(tzinfo=UTC)


class Line(msgspec.Struct, frozen=True):
    """An event where it lies in the log."""

    stream: str
    position: int
    event: Event


class Tail:
    """Goes through the streams in the order of recording, each from its own position.

    Each look opens the file anew: the agent may have set a damaged one aside meanwhile, or begun a new epoch; then
    it goes on behind what is the newest there.
    """

    def __init__(self, folder: Path, streams: Sequence[str], device: str = "*") -> None:
        self._folder, self._streams, self._device = folder, streams, device
        self._after: dict[str, tuple[str, int]] = {}
        self.behind = False  # whether the last look was not enough to see all there was

    def begin(self, last: int, since: int | None = None) -> None:
        """Start before the ``last`` events of each stream, or behind position ``since``. Raises NoLog."""
        with beside.opened(self._folder) as db:
            for name, entry in beside.streams(db).items():
                after = max(0, entry.head - last) if since is None else since
                self._after[name] = (entry.epoch, after)

    def look(self) -> list[Line]:
        """What came since the last look, in the order it was recorded. Raises NoLog, sqlite3.Error."""
        self.behind = False
        with beside.opened(self._folder) as db:
            heads = beside.streams(db)
            found = [line for name in self._streams for line in self._of_stream(db, name, heads[name])]
        return sorted(found, key=lambda line: line.event.recorded_at or _NEVER)

    def _of_stream(self, db: sqlite3.Connection, name: str, entry: StreamStatus) -> list[Line]:
        epoch, after = self._after.get(name, (entry.epoch, 0))
        if epoch != entry.epoch:
            after = entry.head
        records = beside.read(db, name, after, _AT_ONCE)
        self.behind = self.behind or len(records) == _AT_ONCE
        self._after[name] = (entry.epoch, records[-1].position if records else after)
        lines = (_line(name, record.position, record.body) for record in records)
        shown = (line for line in lines if line.event.kind not in CONFIDENTIAL)
        return [line for line in shown if fnmatchcase(line.event.device, self._device)]


def _line(stream: str, position: int, body: bytes) -> Line:
    """A damaged record is shown as one: whoever looks should see that it is there."""
    try:
        return Line(stream, position, decode_event(body))
    except msgspec.MsgspecError:
        return Line(stream, position, Event(kind="unknown", device="gateway", text="a record that is no event"))
