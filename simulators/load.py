"""A fast MQTT QoS 1 publisher over bare sockets, which knows exactly which messages were acknowledged.

For benchmarks and crash tests: it must never be the bottleneck, and it keeps on over a broker that is killed, sending
again (DUP) what was not acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

from simulators.load_connection import MAX_WINDOW, Acknowledged, Line

__all__ = ["Acknowledged", "LoadFailed", "publish"]

DEFAULT_WINDOW = 200
_PACE_S = 0.002
_WATCH_S = 0.05
_FIRST_RETRY_S = 0.02
_LAST_RETRY_S = 0.5

Spread = Literal["topic", "round_robin"]


class LoadFailed(Exception):
    """The broker refused us, could not be reached in time, or stopped acknowledging."""


async def publish(
    host: str,
    port: int,
    messages: Sequence[tuple[str, bytes]],
    connections: int = 4,
    window: int = DEFAULT_WINDOW,
    rate: float | None = None,
    *,
    spread: Spread = "topic",
    stall_s: float = 30.0,
    into: Acknowledged | None = None,
) -> Acknowledged:
    """Publishes (topic, payload) pairs at QoS 1 and returns when each is acknowledged.

    ``window`` messages at most wait for their acknowledgement on a connection; ``rate`` is messages a second in all,
    None for as fast as it goes. Messages of one topic stay in order on one connection, unless ``spread`` is
    "round_robin". ``into`` is filled as the acknowledgements come, for a caller that may cancel.
    Raises LoadFailed where nothing was acknowledged for ``stall_s``, the time of a broker's restart included.
    """
    if not 1 <= window <= MAX_WINDOW:
        raise ValueError(f"a window of {window}; 1 to {MAX_WINDOW} are possible")
    result = into if into is not None else Acknowledged()
    shares = _share(messages, connections, spread)
    lines = [Line(f"gatehouse-load-{index}", messages, keys, window, result) for index, keys in enumerate(shares)]
    result.started_s = time.monotonic()
    try:
        async with asyncio.TaskGroup() as tasks:
            pacer = tasks.create_task(_pace(lines, rate))
            tasks.create_task(_watch(lines, result, stall_s, pacer))
            for line in lines:
                tasks.create_task(_keep_connected(line, host, port, result))
    except BaseExceptionGroup as group:
        failed = group.subgroup(LoadFailed)
        if failed is None:
            raise
        raise LoadFailed(str(failed.exceptions[0])) from group
    finally:
        result.ended_s = time.monotonic()
    return result


def _share(messages: Sequence[tuple[str, bytes]], connections: int, spread: Spread) -> list[list[int]]:
    """Which messages each connection sends, in order."""
    shares: list[list[int]] = [[] for _ in range(connections)]
    line_of: dict[str, int] = {}
    for key, (topic, _) in enumerate(messages):
        line = line_of.setdefault(topic, len(line_of)) if spread == "topic" else key
        shares[line % connections].append(key)
    return shares


async def _pace(lines: Sequence[Line], rate: float | None) -> None:
    """Releases the messages as their time comes, in the order given."""
    started = time.monotonic()
    total = sum(len(line.keys) for line in lines)
    due = total if rate is None else 0
    while True:
        for line in lines:
            line.release(bisect_left(line.keys, due))
        if due >= total:
            return
        await asyncio.sleep(_PACE_S)
        due = min(total, int((time.monotonic() - started) * (rate or 0.0)))


async def _keep_connected(line: Line, host: str, port: int, result: Acknowledged) -> None:
    """Connects, and again whenever the connection is lost, until its share is acknowledged."""
    loop = asyncio.get_running_loop()
    pause_s = _FIRST_RETRY_S
    while not line.done.is_set():
        line.lost.clear()
        before = line.first
        with contextlib.suppress(OSError):  # not there at this moment; the watch bounds how long we try
            await loop.create_connection(lambda: line, host, port)
            await _first_of(line.lost, line.done)
            result.reconnects += not line.done.is_set()
        pause_s = _FIRST_RETRY_S if line.first > before else min(pause_s * 2, _LAST_RETRY_S)
        if not line.done.is_set():
            await asyncio.sleep(pause_s)
    line.close()


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _watch(lines: Sequence[Line], result: Acknowledged, stall_s: float, pacer: asyncio.Task[None]) -> None:
    """Raises LoadFailed where we are refused, or messages wait and none was acknowledged for ``stall_s``."""
    moved_at, count = time.monotonic(), 0
    while not all(line.done.is_set() for line in lines):
        await asyncio.sleep(_WATCH_S)
        if refused := [line.refused for line in lines if line.refused]:
            raise LoadFailed(f"the broker refuses connections, CONNACK code {refused[0]} (MQTT 3.1.1, 3.2.2.3)")
        waiting = any(line.first < line.released for line in lines)
        if len(result.keys) > count or not waiting:
            moved_at, count = time.monotonic(), len(result.keys)
        elif time.monotonic() - moved_at > stall_s:
            raise LoadFailed(f"nothing was acknowledged for {stall_s:g} s; {count} messages were before")
    await pacer
