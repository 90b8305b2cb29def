"""What every log is: partitions of records at rising positions, and a bell that rings when there is more."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from domain.wire import Header


class LogBroken(Exception):
    """The log could not be made durable; what was being appended was not acknowledged. Reopen before going on."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record as a reader sees it: its position in the partition (from 1, rising) and its bytes."""

    position: int
    body: bytes
    complex: str = ""  # at the centre: whose batch it is, and when it came
    received_at: str = ""


class Log(Protocol):
    """What a reader needs of a log. A partition's positions become visible in order."""

    bell: Bell

    @property
    def partitions(self) -> Sequence[str]: ...

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        """At most ``limit`` records behind position ``after``, in order."""
        ...

    async def head(self, partition: str) -> int:
        """The position of the newest record; 0 for none."""
        ...

    async def trim(self, partition: str, through: int) -> int:
        """Forget records up to and with ``through``; how many went. Positions are never used again."""
        ...


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event to append at the edge. ``id`` names the fact: a second entry with it is a repeat."""

    stream: str
    body: bytes
    id: bytes | None = None


class EventLog(Log, Protocol):
    """The edge's form: one record an event, the position is the sequence of its stream's epoch."""

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Append durably, all or nothing; each entry's sequence, or None for a repeat. Raises LogBroken."""
        ...

    async def epoch(self, stream: str) -> str: ...

    async def begin_epoch(self, stream: str, epoch: str) -> int: ...


class Arrival(msgspec.Struct, frozen=True):
    """A checked batch to append at the centre: its header, its bytes as received, and where it belongs."""

    header: Header
    packed: bytes
    complex: str


class Receipt(msgspec.Struct, frozen=True):
    """The answer to a batch. ``watermark`` is the last sequence the log holds of its stream's epoch."""

    outcome: Literal["stored", "known", "gap", "overlap"]
    watermark: int


class BatchLog(Log, Protocol):
    """The centre's form: one record a batch, one mark a (gateway, stream, epoch); partitions are shards."""

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Append durably in one transaction; a batch that does not follow its mark is answered, not stored."""
        ...

    async def watermarks(self, gateway: str) -> dict[tuple[str, str], int]:
        """(stream, epoch) -> last sequence held, for one gateway."""
        ...


def judge(header: Header, watermark: int) -> Receipt:
    """Whether a batch follows the watermark; the one rule that makes ingest idempotent."""
    if header.last <= watermark:
        return Receipt("known", watermark)
    if header.first > watermark + 1:
        return Receipt("gap", watermark)
    if header.first <= watermark:
        return Receipt("overlap", watermark)
    return Receipt("stored", header.last)


class Bell:
    """Wakes the followers of a partition within this process."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[asyncio.Event]] = defaultdict(list)

    def listen(self, partition: str) -> asyncio.Event:
        event = asyncio.Event()
        self._listeners[partition].append(event)
        return event

    def unlisten(self, partition: str, event: asyncio.Event) -> None:
        self._listeners[partition].remove(event)

    def ring(self, partition: str) -> None:
        for event in self._listeners[partition]:
            event.set()
