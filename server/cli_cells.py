"""``gatehouse-server directory`` and ``move-complex``: several cells, and a complex that goes from one to another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from server.cli_parts import DEFAULT_FOLDER, AsJson, Folder, err, fail, settings, show, with_house
from server.config import BadConfig, Cell, Config
from server.house import House


def directory(
    folder: Annotated[Path, typer.Option("--data", "-d", help="The directory's folder.")] = Path("directory-data"),
) -> None:
    """Serve the directory of cells until told to stop: which cell serves a complex.

    Example: gatehouse-server directory --data directory-data
    """
    from server.directory.serve import serve

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
    from server.cells import by_hand  # what speaks to far ends, which no other command needs

    config = settings(folder)
    cell = None if let_go else _cell(config, to)

    def tell(step: str) -> None:
        err.print(f"{complex_id}: {step}", highlight=False)

    async def act(house: House) -> dict[str, object]:
        if cell is None:
            await by_hand.let_go(house, complex_id)
            return {"complex": complex_id, "state": "gone"}
        if back:
            await by_hand.back(house, cell, complex_id)
            return {"complex": complex_id, "state": "open"}
        return msgspec.structs.asdict(await by_hand.move(house, cell, complex_id, tell))

    try:
        told = with_house(folder, act)
    except by_hand.FAILURES as error:
        raise fail(str(error)) from error
    show(told, as_json=as_json)


def _cell(config: Config, name: str) -> Cell:
    found = next((cell for cell in config.cells if cell.name == name), None)
    if found is None:
        known = ", ".join(cell.name for cell in config.cells) or "none"
        raise fail(f"no [[cells]] {name!r} in server.toml; there are: {known}")
    return found
