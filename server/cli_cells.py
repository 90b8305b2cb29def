"""``gatehouse-server directory`` and ``move-complex``: several cells, and a complex that goes from one to another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import aiohttp
import msgspec
import typer

from domain.cells import Whereabouts
from server.cells.arrive import NotNow
from server.cells.depart import Departure, Destination, Moved, NotMoved
from server.cells.far import Far, FarAway, sender
from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, settings, show, with_house
from server.config import BadConfig, Cell, Config
from server.configured import cell_settings
from server.directory.announce import put
from server.directory.serve import serve
from server.house import House
from server.media import MediaAway
from server.readers import folding

T = TypeVar("T")


def directory(
    folder: Annotated[Path, typer.Option("--data", "-d", help="The directory's folder.")] = Path("directory-data"),
) -> None:
    """Serve the directory of cells until told to stop: which cell serves a complex.

    Example: gatehouse-server directory --data directory-data
    """
    try:
        asyncio.run(serve(folder, lambda url: print(f"ready {url}", flush=True)))
    except BadConfig as error:
        raise fail(str(error)) from error


def move_complex(
    complex_id: Annotated[str, typer.Argument(help="The complex.")],
    to: Annotated[str, typer.Option("--to", help="The cell it goes to, by its name in server.toml.")] = "",
    back: Annotated[bool, typer.Option("--back", help="Take back a move that stopped half way.")] = False,
    let_go: Annotated[bool, typer.Option("--let-go", help="Remove what is left here of one that has moved.")] = False,
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Move a complex to another cell with everything of it. Broken off, it is gone on with by the same words.

    Meanwhile its gateways keep what they have, and send it on afterwards. Both cells' servers must be running.

    Example: gatehouse-server move-complex sunny-garden --to west
    """
    config = settings(folder)
    if let_go:
        _do(folder, lambda house: _departure(house).let_go(complex_id))
        show({"complex": complex_id, "state": "gone"}, as_json=as_json)
        return
    cell = _cell(config, to)
    if back:
        _do(
            folder,
            lambda house: _with_far(house, cell, complex_id, lambda far: _departure(house).back(far, complex_id)),
        )
        show({"complex": complex_id, "state": "open"}, as_json=as_json)
        return
    moved = _do(folder, lambda house: _move(house, cell, complex_id))
    show(msgspec.structs.asdict(moved), as_json=as_json)


def _cell(config: Config, name: str) -> Cell:
    found = next((cell for cell in config.cells if cell.name == name), None)
    if found is None:
        known = ", ".join(cell.name for cell in config.cells) or "none"
        raise fail(f"no [[cells]] {name!r} in server.toml; there are: {known}")
    return found


def _do(folder: Path, action: Callable[[House], Coroutine[Any, Any, T]]) -> T:
    try:
        return with_house(folder, action)
    except (NotMoved, NotNow, FarAway, BadConfig, MediaAway, OSError) as error:
        raise fail(str(error)) from error


def _departure(house: House) -> Departure:
    return Departure(house.db, house.log, house.media, folding(house.config), house.config.cell, house.now)


async def _with_far(house: House, cell: Cell, complex_id: str, action: Callable[[Far], Coroutine[Any, Any, T]]) -> T:
    async with aiohttp.ClientSession() as session:
        secret = (house.folder / cell.secret_file).read_bytes().strip()
        return await action(Far(sender(session, cell.url, secret, cell.fingerprint), complex_id))


async def _move(house: House, cell: Cell, complex_id: str) -> Moved:
    said = cell_settings(house.folder, house.config).get(complex_id)
    if said is None:
        raise NotMoved(f"no complex {complex_id!r} in {house.folder}/server.toml")
    to = Destination(cell.name, cell.url, cell.fingerprint)

    async def direct(name: str, where: Whereabouts) -> None:
        await _tell_directory(house, name, where)

    def tell(step: str) -> None:
        err.print(f"{complex_id}: {step}", highlight=False)

    return await _with_far(
        house, cell, complex_id, lambda far: _departure(house).run(far, to, said, complex_id, direct, tell)
    )


async def _tell_directory(house: House, complex_id: str, where: Whereabouts) -> None:
    known = house.config.directory
    if known.url:
        async with aiohttp.ClientSession() as session:
            secret = (house.folder / known.secret_file).read_bytes().strip()
            await put(sender(session, known.url, secret, known.fingerprint), {complex_id: where})
