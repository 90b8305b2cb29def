"""gatehouse-edge --version."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer


def _show(asked: bool) -> None:
    if asked:
        print(version("gatehouse"))
        raise typer.Exit


def about(
    asked: Annotated[bool, typer.Option("--version", callback=_show, is_eager=True, help="Say it and exit.")] = False,
) -> None:
    """The Gatehouse agent of one complex."""
