"""The agent as a process: its log set up, stopped by a signal, and what ended it said in one line."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any

import structlog

from edge import agent, logs
from edge.config import Config
from eventlog.log import LogBroken

_YOUNG, _MIDDLE, _OLD = 10_000, 10, 10  # how seldom Python looks for rubbish in cycles: 700, 10, 10 by default


class Stopped(Exception):
    """The agent cannot go on; what it says is for the installer."""


def run(config: Config, *, verbose: bool) -> None:
    """Run until SIGTERM or SIGINT. Raises Stopped where the store fails for good, or a port or file it needs."""
    logs.configure("debug" if verbose else config.logs.level)
    try:
        asyncio.run(_until_stopped(agent.run(config, _ready)))
    except* (LogBroken, OSError) as errors:
        raise Stopped(f"stopped, nothing more was acknowledged: {_innermost(errors)}") from errors


def _ready() -> None:
    """What is loaded stays as long as the agent runs: it is not looked through for rubbish again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    print("ready", flush=True)


def _innermost(error: BaseException) -> BaseException:
    """What went wrong first, out of the groups it was wrapped in on its way."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error  # pyright: ignore


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        structlog.get_logger().info("stopped")
