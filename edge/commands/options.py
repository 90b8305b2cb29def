"""What the commands share: the settings file, JSON for scripts, and how a command says that it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.config import BadConfig, Config, load

out = Console()
err = Console(stderr=True)

ConfigFile = Annotated[Path, typer.Option("--config", "-c", envvar="GATEHOUSE_EDGE_CONFIG", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]
DEFAULT_CONFIG = Path("edge.toml")


def fail(message: str) -> typer.Exit:
    """Say what is wrong on standard error; exit 1."""
    err.print(message, style="red", highlight=False, soft_wrap=True, markup=False)
    return typer.Exit(1)


def settings(path: Path) -> Config:
    """The settings, or the end of the command with the reason."""
    try:
        return load(path)
    except BadConfig as error:
        raise fail(str(error)) from error
