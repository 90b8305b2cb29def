"""The program ``gatehouse-server``: all is imported first, and what imports made is never looked through again."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command that was typed. Collecting rubbish among what is only being imported is a third of the start."""
    gc.disable()
    if sys.argv[1:3] == ["bills", "reconcile"]:
        from server import cli_bills

        return cli_bills.alone()
    from server import cli

    gc.freeze()
    gc.enable()
    cli.main()
