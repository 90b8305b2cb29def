"""Where gatehouse-edge begins.

The agent stays in a small box's memory for months, a command is gone in a second: so ``run`` starts without what only
commands need to draw and to explain themselves (typer, pydantic; 9 MB). Everything else is ``edge.commands.app``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge import running
from edge.config import BadConfig, load


def options() -> argparse.ArgumentParser:
    """The options of ``run``: those that ``run --help`` explains; a test holds it to that."""
    parser = argparse.ArgumentParser("gatehouse-edge run", add_help=False)
    parser.add_argument("--config", "-c", type=Path, default=os.environ.get("GATEHOUSE_EDGE_CONFIG") or "edge.toml")
    parser.add_argument("--verbose", "-v", action="store_true")
    return parser


def main() -> None:
    """The agent for ``run``, else the command that was typed. Exits 1 where the agent cannot go on."""
    words = sys.argv[1:]
    if words[:1] == ["run"] and "--help" not in words:
        sys.exit(_run(words[1:]))
    from edge.commands import app as cli

    cli.main()


def _run(words: Sequence[str]) -> str | None:
    """What it must be told, on standard error, if anything."""
    told = options().parse_args(words)
    try:
        running.run(load(Path(told.config)), verbose=told.verbose)
    except (BadConfig, running.Stopped) as error:
        return str(error)
    return None


if __name__ == "__main__":
    main()
