"""The one loop: read what is behind the cursor, let the reader take it, wait for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import msgspec

from eventlog.log import Log, Record


class Reader(Protocol):
    """Someone with a cursor. ``take`` keeps its effect and its cursor in one transaction."""

    name: str

    async def position(self, partition: str) -> int:
        """Up to where this reader has taken the partition, from wherever the truth of that is kept."""
        ...

    async def take(self, partition: str, records: list[Record]) -> int:
        """Take the records, or the first few of them; the position that is now the cursor."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A reader that may keep its cursor a little late, where what it took had no effect."""

    async def settle(self, partition: str) -> None:
        """Asked where there is nothing to take, at least each ``poll_s``: keep it now, if it has been long enough."""
        ...


@runtime_checkable
class Measuring(Protocol):
    """A reader that knows how many records it would take at once, up to the pace's limit."""

    def limit(self, partition: str) -> int:
        """Asked before each read."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A log that knows its newest records without a look at where they are kept."""

    async def read_on(self, partition: str, after: int, limit: int) -> list[Record]:
        """As ``read``, for those who follow: what was appended here a moment ago may come from memory."""
        ...


class Pace(msgspec.Struct, frozen=True):
    """How a follower waits: between looks when idle, and after the n-th failure in a row (from 1)."""

    limit: int = 500
    poll_s: float = 1.0
    retry_s: Callable[[int], float] = lambda failures: min(30.0, 0.1 * 2 ** min(failures, 10))
    hurry: asyncio.Event | None = None  # set it when the cause of failures is gone: nobody sits out its pause


DEFAULT_PACE = Pace()


class NotTaken(Exception):
    """A reader that has records before it and moves no further: paused and shown, never a loop at full speed."""


Report = Callable[[str, str, Exception], None]  # reader, partition, what went wrong


async def follow(log: Log, partition: str, reader: Reader, report: Report, pace: Pace = DEFAULT_PACE) -> None:
    """Let ``reader`` follow one partition until cancelled.

    A failure is reported and tried again from the reader's own position, after a growing pause: a reader that
    cannot go on stands still and is shown; it never skips.
    """
    bell, way = log.bell.listen(partition), _Way(log, partition, reader, pace)
    failures = 0
    try:
        while True:
            try:
                await _follow_until_failure(way, bell)
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                failures = failures + 1 if not isinstance(error, _Progressed) else 1
                cause = error.cause if isinstance(error, _Progressed) else error
                report(reader.name, partition, cause)
                await rung_or_after(pace.hurry or asyncio.Event(), pace.retry_s(failures))
    finally:
        log.bell.unlisten(partition, bell)


class _Progressed(Exception):
    """A failure after at least one success: the pause begins small again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Way:
    """How one reader follows one partition; what it and the log can do beside is asked once, for that is slow."""

    def __init__(self, log: Log, partition: str, reader: Reader, pace: Pace) -> None:
        self.partition, self.reader, self.poll_s, self._most = partition, reader, pace.poll_s, pace.limit
        self._read = log.read_on if isinstance(log, Remembering) else log.read
        self._measuring = reader if isinstance(reader, Measuring) else None
        self.settling = reader if isinstance(reader, Settling) else None

    async def read(self, after: int) -> list[Record]:
        wanted = self._measuring.limit(self.partition) if self._measuring is not None else self._most
        return await self._read(self.partition, after, min(wanted, self._most))


async def _follow_until_failure(way: _Way, bell: asyncio.Event) -> None:
    position = await way.reader.position(way.partition)
    progressed = False
    while True:
        try:
            taken = await _step(way, position, bell)
        except Exception as error:
            if progressed:
                raise _Progressed(error) from error
            raise
        progressed = progressed or taken != position
        position = taken


async def _step(way: _Way, position: int, bell: asyncio.Event) -> int:
    bell.clear()  # before the read: an append between read and wait rings it again
    records = await way.read(position)
    if records:
        taken = await way.reader.take(way.partition, records)
        if taken == position:
            raise NotTaken(f"{way.reader.name} took none of the records behind {position}")
        return taken
    if way.settling is not None:
        await way.settling.settle(way.partition)
    await rung_or_after(bell, way.poll_s)
    return position


async def rung_or_after(bell: asyncio.Event, timeout_s: float) -> None:
    """Until the bell rings, or the time is over; either is a reason to look again."""
    try:
        async with asyncio.timeout(timeout_s):
            await bell.wait()
    except TimeoutError:
        return
