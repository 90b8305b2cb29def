"""A complex that an operator moves to another cell: what is said to the far ends, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp

from domain.cells import Whereabouts
from server.cells.arrive import NotNow
from server.cells.depart import Departure, Destination, Moved, NotMoved
from server.cells.far import Far, FarAway, sender
from server.config import BadConfig, Cell
from server.configured import cell_settings
from server.directory.announce import put
from server.house import House
from server.media import MediaAway
from server.readers import folding

T = TypeVar("T")
FAILURES = (NotMoved, NotNow, FarAway, BadConfig, MediaAway, OSError)


async def let_go(house: House, complex_id: str) -> None:
    """Remove what is left here of one that has moved. Raises one of FAILURES, as all here."""
    await _departure(house).let_go(complex_id)


async def back(house: House, cell: Cell, complex_id: str) -> None:
    """Take back a move that stopped half way."""
    await _with_far(house, cell, complex_id, lambda far: _departure(house).back(far, complex_id))


async def move(house: House, cell: Cell, complex_id: str, tell: Callable[[str], None]) -> Moved:
    """With everything of it; broken off, it is gone on with."""
    said = cell_settings(house.folder, house.config).get(complex_id)
    if said is None:
        raise NotMoved(f"no complex {complex_id!r} in {house.folder}/server.toml")
    to = Destination(cell.name, cell.url, cell.fingerprint)

    async def direct(name: str, where: Whereabouts) -> None:
        await _tell_directory(house, name, where)

    return await _with_far(
        house, cell, complex_id, lambda far: _departure(house).run(far, to, said, complex_id, direct, tell)
    )


def _departure(house: House) -> Departure:
    return Departure(house.db, house.log, house.media, folding(house.config), house.config.cell, house.now)


async def _with_far(house: House, cell: Cell, complex_id: str, action: Callable[[Far], Coroutine[Any, Any, T]]) -> T:
    async with aiohttp.ClientSession() as session:
        secret = (house.folder / cell.secret_file).read_bytes().strip()
        return await action(Far(sender(session, cell.url, secret, cell.fingerprint), complex_id))


async def _tell_directory(house: House, complex_id: str, where: Whereabouts) -> None:
    known = house.config.directory
    if known.url:
        async with aiohttp.ClientSession() as session:
            secret = (house.folder / known.secret_file).read_bytes().strip()
            await put(sender(session, known.url, secret, known.fingerprint), {complex_id: where})
