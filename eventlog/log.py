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


class LogFull(LogBroken):
    """There is no room; nothing of the call was kept, and what was kept before is whole. Make room, then go on."""


class LogBusy(LogBroken):
    """Another program holds the file for longer than it may be waited for. Nothing of the call was kept."""


class LogRefused(LogBroken):
    """The file is whole and what was asked of it cannot be done: a defect of ours. Trying again does it again."""


class LogCorrupt(LogBroken):
    """The file is no longer what was written. Set it aside and begin another."""


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
    """An event to append at the edge. ``id`` names the fact: a second entry with it is a repeat.

    ``day`` is the day it is counted under: days since 1970-01-01 where the gateway stands.
    """

    stream: str
    body: bytes
    id: bytes | None = None
    day: int = 0


GapReason = Literal["trimmed", "capacity", "unreadable", "missing"]


class Span(msgspec.Struct, frozen=True):
    """Sequences ``first`` to ``last`` (inclusive) that a stream no longer has, and why.

    ``trimmed``: let go after the centre had them. ``capacity``: let go before, by the rule of capacity.
    ``unreadable``: damaged where they lay. ``missing``: gone, and nothing says why.
    """

    first: int
    last: int
    reason: GapReason


class EventLog(Log, Protocol):
    """The edge's form: one record an event, the position is the sequence of its stream's epoch."""

    async def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Append durably, all or nothing; each entry's sequence, or None for a repeat. Raises LogBroken."""
        ...

    async def drop(self, stream: str, through: int) -> int:
        """Forget records up to ``through`` that the centre may not have, for want of room; how many went."""
        ...

    async def holes(self, stream: str, first: int, last: int) -> list[Span]:
        """What ``read`` does not give of the sequences ``first`` to ``last``, in order, each with its reason."""
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

    outcome: Literal["stored", "known", "gap", "overlap", "closed"]  # closed: its complex moves, or moved, elsewhere
    watermark: int


class Gap(msgspec.Struct, frozen=True):
    """Sequences of a gateway's stream that will never come, as the gateway declares them. It is listed for ever."""

    gateway: str
    stream: str
    epoch: str
    first: int
    last: int
    reason: GapReason
    detail: str = ""


class Adopted(msgspec.Struct, frozen=True):
    """A batch as another cell's log has it: what travels when a complex moves. ``position`` is its place there."""

    position: int
    gateway: str
    stream: str
    epoch: str
    first: int
    last: int
    received_at: str
    body: bytes


class Wanted(msgspec.Struct, frozen=True):
    """Sequences of a gateway's stream that the centre had and must ask for again."""

    gateway: str
    stream: str
    epoch: str
    first: int
    last: int


class BatchLog(Log, Protocol):
    """The centre's form: one record a batch, one mark a (gateway, stream, epoch); partitions are shards."""

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Append durably in one transaction; a batch that does not follow its mark is answered, not stored."""
        ...

    async def declare(self, gap: Gap, complex_id: str) -> Receipt:
        """List a gap of a gateway of that complex and move the mark over it, in one transaction; judged as a batch of
        those sequences is."""
        ...

    async def gaps(self, gateway: str) -> list[Gap]:
        """Every gap listed for a gateway, in order of stream, epoch and sequence."""
        ...

    async def mend(self, arrival: Arrival) -> bool:
        """Put a batch in the place of the damaged or lost row of the very same sequences below the mark; whether it
        was wanted there."""
        ...

    async def watermarks(self, gateway: str) -> dict[tuple[str, str], int]:
        """(stream, epoch) -> last sequence held, for one gateway."""
        ...

    async def watermarks_of(self, gateways: Sequence[str]) -> dict[str, dict[tuple[str, str], int]]:
        """The same of many gateways at once; each that was asked for has an entry."""
        ...


def judge(arrived: Header | Gap, watermark: int) -> Receipt:
    """Whether a batch or a declared gap follows the watermark; the one rule that makes ingest idempotent."""
    if arrived.last <= watermark:
        return Receipt("known", watermark)
    if arrived.first > watermark + 1:
        return Receipt("gap", watermark)
    if arrived.first <= watermark:
        return Receipt("overlap", watermark)
    return Receipt("stored", arrived.last)


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
