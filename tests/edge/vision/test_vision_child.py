"""A child that says more than anybody takes: it ends when it is to, and what ended it is told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from edge.transports import vision_child
from edge.transports.vision_child import Child, ChildDied
from edge.vision.words import Orders, Up
from tests.rig import until

# It takes no orders, and speaks as fast as it may: the pipe is always full.
SPEAKS = """
import sys
from edge.vision.words import Mistake, worded
word = worded(Mistake("camera:a", "x" * 900)) * 100
while True:
    sys.stdout.buffer.write(word)
"""
_BOUND_S = 20.0


@asynccontextmanager
async def speaking(monkeypatch: pytest.MonkeyPatch, memory_mb: int) -> AsyncIterator[asyncio.Task[None]]:
    """A child whose first word is in our hands for ever, as with a log that takes nothing."""
    monkeypatch.setattr(vision_child, "COMMAND", (sys.executable, "-c", SPEAKS))
    heard = asyncio.Event()

    async def hear(_word: Up) -> None:
        heard.set()
        await asyncio.Event().wait()

    child = Child(Orders((), "Asia/Shanghai", memory_mb, 0.0, 1.0), hear, lambda: 0.0)
    task = asyncio.create_task(child.run())
    await asyncio.wait_for(heard.wait(), _BOUND_S)
    await until(lambda: _is_full(child))
    yield task


def _is_full(child: Child) -> bool:
    """No more is read of it: asyncio waits until somebody takes what there is."""
    process: Any = child._process
    return process is not None and process.stdout._paused


async def test_a_child_to_which_nobody_listens_any_more_ends_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    async with speaking(monkeypatch, memory_mb=4_000) as task:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=_BOUND_S)
        assert done and task.cancelled()


async def test_a_child_that_is_held_up_and_eats_memory_is_ended_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with speaking(monkeypatch, memory_mb=1) as task:
        with pytest.raises(ChildDied, match="MB of memory; at most 1"):
            await asyncio.wait_for(task, _BOUND_S)


async def test_control_asyncio_alone_waits_for_ever_where_something_is_left_to_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should this fail, Python has mended it, and ``_gone`` may go."""

    held: list[Any] = []

    async def only_waits(process: Any, works: list[asyncio.Task[None]]) -> int:
        held.append(process)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        process.kill()
        return await process.wait()

    monkeypatch.setattr(vision_child, "_gone", only_waits)
    async with speaking(monkeypatch, memory_mb=4_000) as task:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=3.0)
        assert not done
        while await held[0].stdout.read(1024 * 1024):
            pass
        await asyncio.wait([task], timeout=_BOUND_S)
