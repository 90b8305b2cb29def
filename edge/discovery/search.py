"""One search: every way at once, each for itself; what a way finds is told at once, what it cannot is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from edge.devices.announced import Known
from edge.discovery.discoverer import CannotLook, Discoverer, Search, discoverers
from edge.discovery.found import Found, found

log = structlog.get_logger()

_LONGER_S = 10.0  # than it was asked for: then a way is given up


async def search(
    asked: Search, tell: Callable[[Found], None], ways: Sequence[Discoverer] | None = None
) -> dict[str, str]:
    """Look every way; way -> why it could not be looked."""
    chosen = discoverers() if ways is None else ways
    said = await asyncio.gather(*(_look(way, asked, tell) for way in chosen))
    return {way.name: why for way, why in zip(chosen, said, strict=True) if why}


async def _look(way: Discoverer, asked: Search, tell: Callable[[Found], None]) -> str:
    def told(known: Known, at: datetime | None = None) -> None:
        one = found(known, way.name, at or asked.now(), asked.registry.page_of(known.id))
        if one is not None:
            tell(one)

    try:
        async with asyncio.timeout(asked.seconds + _LONGER_S):
            await way.look(asked, told)
    except CannotLook as error:
        return str(error)
    except TimeoutError:
        return f"nothing more was heard after {asked.seconds + _LONGER_S:.0f} s"
    except Exception as error:  # noqa: BLE001 - the edge of a way: shown, and the others are looked all the same
        log.error("way_failed", way=way.name, error=repr(error))
        return f"it failed: {error!r}"
    return ""
