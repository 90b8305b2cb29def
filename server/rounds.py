"""Work that looks again and again: a look that fails is shown, and the next one tries the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from server.store.failures import DatabaseBusy

log = structlog.get_logger()


async def look_every(seconds: float, name: str, look: Callable[[], Awaitable[object]]) -> None:
    """Until cancelled. ``name`` is the work's, for the log."""
    while True:
        try:
            await look()
        except DatabaseBusy as error:  # the next look sees the same
            log.warning("round_waits", work=name, error=str(error))
        except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
            log.error("round_failed", work=name, error=repr(error))
        await asyncio.sleep(seconds)
