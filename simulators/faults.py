"""What goes wrong between good machines: an uplink cut, late or slow; messages lost, doubled, out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from random import Random
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

_CHUNK_BYTES = 16_384
_MAX_CHUNKS = 64  # on their way in one direction

CutKind = Literal["reset", "silence"]


class Uplink:
    """A TCP proxy on loopback between a gateway and the centre, whose line can be cut, delayed and slowed.

    ``delay_s`` is one way; ``bytes_per_s`` bounds each direction of each connection (0: no bound).
    """

    def __init__(self, target_port: int, port: int = 0, delay_s: float = 0.0, bytes_per_s: float = 0.0) -> None:
        self.port = port
        self.target_port = target_port
        self.delay_s, self.bytes_per_s = delay_s, bytes_per_s
        self.accepted = 0
        self._cut: CutKind | None = None
        self._flows = asyncio.Event()  # cleared while the line is silent
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._live: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    @property
    def is_cut(self) -> bool:
        return self._cut is not None

    async def start(self) -> None:
        """Listens. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_CHUNK_BYTES)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in list(self._live):
            task.cancel()
        await asyncio.gather(*self._live, return_exceptions=True)

    def cut(self, kind: CutKind = "reset") -> None:
        """Cuts the line: "reset" ends every connection and each new one at once; "silence" lets nothing through."""
        self._cut = kind
        if kind == "silence":
            self._flows.clear()
        else:
            for writers in self._live.values():
                _abort(writers)

    def restore(self) -> None:
        self._cut = None
        self._flows.set()

    def forget(self) -> None:
        """Half open: nothing passes on the connections of now, and neither end is told; new ones are whole."""
        self._flows.clear()
        self._flows = asyncio.Event()
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        if self._cut == "reset" or task is None:
            _abort([writer])
            return
        writers = [writer]
        self._live[task] = writers
        try:
            await self._join(reader, writer, writers)
        except* OSError:
            pass  # an end of the line that breaks is what this proxy is for; both ends are aborted below
        except* asyncio.CancelledError:
            pass  # by stop, which waits for us; asyncio would report a cancelled connection as an error
        finally:
            _abort(writers)
            self._live.pop(task, None)

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, writers: list[asyncio.StreamWriter]
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port, limit=_CHUNK_BYTES)
        writers.append(far_writer)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry(reader, far_writer, self._flows))
            tasks.create_task(self._carry(far_reader, writer, self._flows))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        """One direction: chunks read, each put down when its time has come."""
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MAX_CHUNKS)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._put_down(line, writer, flows))
            clock = asyncio.get_running_loop().time
            while chunk := await reader.read(_CHUNK_BYTES):
                await line.put((clock() + self.delay_s, chunk))
            await line.put((clock() + self.delay_s, b""))

    async def _put_down(
        self, line: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, flows: asyncio.Event
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, chunk = await line.get()
            await asyncio.sleep(max(0.0, due - clock()))
            await flows.wait()
            if not chunk:
                writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()
            if self.bytes_per_s:
                await asyncio.sleep(len(chunk) / self.bytes_per_s)


def _abort(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()


class Faults:
    """Message faults with a seed: shares (0 to 1) of messages dropped, doubled, moved back, and (async) held up.

    A message is moved back by at most ``depth`` others; nothing is lost but what is dropped.
    """

    def __init__(
        self,
        seed: int,
        drop: float = 0.0,
        delay: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        *,
        delay_s: float = 0.05,
        depth: int = 8,
    ) -> None:
        for name, share in (("drop", drop), ("delay", delay), ("duplicate", duplicate), ("reorder", reorder)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is a share from 0 to 1, not {share}")
        self._seed, self._drop, self._delay = seed, drop, delay
        self._duplicate, self._reorder = duplicate, reorder
        self._delay_s, self._depth = delay_s, max(1, depth)

    def apply(self, messages: Iterable[T]) -> Iterator[T]:
        """The messages as they arrive; ``delay`` has no meaning here."""
        line = _Line[T](self)
        for message in messages:
            yield from line.take(message)
        yield from line.rest()

    async def apply_async(self, messages: AsyncIterable[T]) -> AsyncIterator[T]:
        """The same, some of them held up by ``delay_s``."""
        line = _Line[T](self)
        async for message in messages:
            for arrived in line.take(message):
                await asyncio.sleep(line.hold_up_s())
                yield arrived
        for arrived in line.rest():
            yield arrived

    def chance(self, purpose: str) -> Random:
        return Random(f"{self._seed}/{purpose}")

    def drops(self, chance: Random) -> bool:
        return chance.random() < self._drop

    def copies(self, chance: Random) -> int:
        return 2 if chance.random() < self._duplicate else 1

    def moved_back(self, chance: Random) -> int:
        return chance.randint(1, self._depth) if chance.random() < self._reorder else 0

    def hold_up_s(self, chance: Random) -> float:
        return self._delay_s if chance.random() < self._delay else 0.0


class _Line(Generic[T]):
    """Messages on their way: each waits until as many others as it was moved back by have passed it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._chance = faults.chance("order")
        self._patience = faults.chance("delay")  # apart, so that delays change no order
        self._taken = 0
        self._held: list[tuple[int, T]] = []  # (may go after so many taken, message)

    def take(self, message: T) -> list[T]:
        """What arrives now that this message was sent."""
        self._taken += 1
        if not self._faults.drops(self._chance):
            for _ in range(self._faults.copies(self._chance)):
                self._held.append((self._taken + self._faults.moved_back(self._chance), message))
        arrived = [held for due, held in self._held if due <= self._taken]
        self._held = [(due, held) for due, held in self._held if due > self._taken]
        return arrived

    def rest(self) -> list[T]:
        """What was still on its way at the end."""
        arrived = [held for _, held in sorted(self._held, key=lambda entry: entry[0])]
        self._held = []
        return arrived

    def hold_up_s(self) -> float:
        return self._faults.hold_up_s(self._patience)
