"""``gatehouse-edge status``: how the box is, once or as a page that follows it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from edge.agent import utc_now
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, fail, out, settings
from edge.commands.status_page import page
from edge.status.beside import NoLog
from edge.status.box_status import described

_EVERY_S = 1.0


def show_status(
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
    once: Annotated[bool, typer.Option("--once", help="Print it once, as where there is no terminal.")] = False,
) -> None:
    """How the box is: streams, connections, disk, devices. On a terminal it follows until Ctrl-C.

    Example: gatehouse-edge status --json
    """
    folder = settings(config).folder
    found = _look(folder)
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif once or not out.is_terminal:
        out.print(page(found, utc_now()))
    else:
        _follow(folder, found)


def _look(folder: Path) -> dict[str, Any]:
    try:
        return described(folder)
    except NoLog as error:
        raise fail(f"the agent is not running: {error}") from error
    except sqlite3.Error as error:
        raise fail(f"the log in {folder} cannot be read: {error}; gatehouse-edge doctor says more") from error


def _follow(folder: Path, found: dict[str, Any]) -> None:
    """A page a second, until the person has seen enough."""
    try:
        with Live(page(found, utc_now()), console=out, auto_refresh=False) as live:
            while True:
                time.sleep(_EVERY_S)
                live.update(_shown(folder), refresh=True)
    except KeyboardInterrupt:
        return


def _shown(folder: Path) -> RenderableType:
    """A log that cannot be read for a moment, as while it is set aside, does not end the page."""
    try:
        return page(described(folder), utc_now())
    except (NoLog, sqlite3.Error) as error:
        return Text(str(error), style="yellow")
