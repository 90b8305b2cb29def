"""One child process that sees: begun with its orders, listened to, and ended when it eats or falls silent."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from edge.vision.memory import resident_mb
from edge.vision.words import LENGTH_BYTES, Anew, Clock, Figures, Orders, Show, Up, length_in, up_in, worded

log = structlog.get_logger()

_LOOK_S = 1.0
_SILENT_S, _BEGINS_S = 30.0, 90.0  # it says how it is every five; its first word may take a busy box long
_CLOCK_EVERY = 10
_STDERR_BYTES, _UNREAD_BYTES = 4 * 1024, 1024 * 1024
_END_S = 3.0
# One thread a library, and few arenas. The memory of a substream's picture stays for the next one, that of a large one
# goes back when it is done with: left to itself the allocator raises that bound to 32 MB, and the holes between large
# pictures were 40 % of what eighteen cameras held.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "4194304",
    "MALLOC_TRIM_THRESHOLD_": "33554432",
}
COMMAND = (sys.executable, "-m", "edge.vision.child")


class ChildDied(Exception):
    """A child is gone; says by what."""


class Child:
    """``hear`` takes each of its words, and holds it up while the agent cannot take more."""

    def __init__(self, orders: Orders, hear: Callable[[Up], Awaitable[None]], ahead_s: Callable[[], float]) -> None:
        self._orders, self._hear, self._ahead_s = orders, hear, ahead_s
        self._ended_by, self._silent_s, self._may_be_silent_s = "", 0.0, _BEGINS_S
        self._untold: list[Anew | Show] = []
        self._process: asyncio.subprocess.Process | None = None

    def tell(self, word: Anew | Show) -> None:
        """Now, or as soon as it has its orders."""
        if self._process is None:
            self._untold.append(word)
        elif self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(worded(word))

    async def run(self) -> None:
        """Until it dies: raises ChildDied, always. Cancelled, it takes the child with it."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        works = [asyncio.create_task(work) for work in (self._listen(process), self._watch(process), _ends(process))]
        said = asyncio.create_task(_last_words(process))
        try:
            await self._begin(process)
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            raise ChildDied(await self._cause(process, works, said))
        finally:
            await _gone(process, works)
            await asyncio.gather(said, return_exceptions=True)  # the end of the pipe is its end too

    async def _begin(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        with suppress(ConnectionError):  # it died at once: its last words say of what
            process.stdin.write(worded(self._orders))
            await process.stdin.drain()
        self._process = process
        for word in self._untold:
            self.tell(word)

    async def _cause(
        self, process: asyncio.subprocess.Process, works: list[asyncio.Task[None]], said: asyncio.Task[str]
    ) -> str:
        broken = next((str(work.exception()) for work in works if work.done() and work.exception()), "")
        code = await _gone(process, works)
        with suppress(TimeoutError):
            return self._ended_by or broken or f"exit {code}: {(await asyncio.wait_for(said, _END_S))[-500:]}"
        return self._ended_by or broken or f"exit {code}"

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                head = await process.stdout.readexactly(LENGTH_BYTES)
                word = up_in(await process.stdout.readexactly(length_in(head)))
            except asyncio.IncompleteReadError:
                return
            if isinstance(word, Figures):
                self._silent_s, self._may_be_silent_s = 0.0, _SILENT_S
            await self._hear(word)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Its memory and its signs of life, each second."""
        turns = 0
        while True:
            await asyncio.sleep(_LOOK_S)
            turns += 1
            self._silent_s += _LOOK_S
            try:
                held_mb = resident_mb(process.pid)
            except (OSError, IndexError, ValueError):
                return
            if held_mb > self._orders.memory_mb:
                self._ended_by = f"{held_mb:.0f} MB of memory; at most {self._orders.memory_mb}"
                return
            if self._silent_s > self._may_be_silent_s:
                self._ended_by = f"no sign of life for {self._may_be_silent_s:.0f} s"
                return
            if turns % _CLOCK_EVERY == 0:
                self._tell_clock(process)

    def _tell_clock(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        if process.stdin.transport.get_write_buffer_size() == 0:
            process.stdin.write(worded(Clock(self._ahead_s())))


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The end of what it wrote to standard error."""
    assert process.stderr is not None
    kept = b""
    while part := await process.stderr.read(_STDERR_BYTES):
        kept = (kept + part)[-_STDERR_BYTES:]
    return kept.decode("utf-8", "replace").strip()


async def _ends(process: asyncio.subprocess.Process) -> None:
    await process.wait()


async def _gone(process: asyncio.subprocess.Process, works: Sequence[asyncio.Task[None]]) -> int:
    """Its exit, at the latest now. asyncio takes no process for ended of which there is something left to read, and
    what nobody could take any more may be megabytes of pictures."""
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    while process.stdout is not None and await process.stdout.read(_UNREAD_BYTES):
        pass
    return await process.wait()
