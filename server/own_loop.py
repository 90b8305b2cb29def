"""The event loop as a server runs it: what is measured of a server runs on the same."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")
_SWITCH_S = 0.001  # a thread that comes back from the disk waits so long for the interpreter, not five times as long


def run(main: Coroutine[Any, Any, R]) -> R:
    """What it returns."""
    sys.setswitchinterval(_SWITCH_S)
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(main)


def _loop() -> asyncio.AbstractEventLoop:
    """The faster loop, where it is to be had: thousands of gateways hold a connection or two each."""
    try:
        import uvloop
    except ImportError:  # there is none for some machines
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
