"""What every command of the server's command line shares: the data folder, refusing, showing, opening the house."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from eventlog.log import LogBroken
from server.bootstrap import close_house, open_house
from server.config import BadConfig, Config, load
from server.house import House
from server.store.failures import DatabaseBusy

out = Console()
err = Console(stderr=True)
T = TypeVar("T")

Folder = Annotated[Path, typer.Option("--data", "-d", help="The data folder; its server.toml holds the settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]
DEFAULT_FOLDER = Path("server-data")


def fail(message: str) -> typer.Exit:
    """Say what is wrong on standard error; exit 1."""
    err.print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    return typer.Exit(1)


def settings(folder: Path) -> Config:
    try:
        return load(folder)
    except BadConfig as error:
        raise fail(str(error)) from error


def show(content: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(content).decode())
        return
    for key, value in content.items():
        out.print(f"{key}: {value}", highlight=False)


def with_house(folder: Path, action: Callable[[House], Coroutine[Any, Any, T]]) -> T:
    """Open the data folder, do something in it, close it."""

    async def run() -> T:
        house = await open_house(folder, settings(folder))
        try:
            return await action(house)
        finally:
            await close_house(house)

    try:
        return asyncio.run(run())
    except (DatabaseBusy, LogBroken) as error:
        raise fail(str(error)) from error
