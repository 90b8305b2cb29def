"""The broken agent, on purpose: its log's commits do not wait for the disk (``synchronous=NORMAL``)."""

from __future__ import annotations

from typing import Any

import aiosqlite

from edge.commands import app as cli

_execute = aiosqlite.Connection.execute


def _execute_unsynced(self: aiosqlite.Connection, sql: str, parameters: Any = None) -> Any:
    return _execute(self, sql.replace("synchronous=FULL", "synchronous=NORMAL"), parameters)


def main() -> None:
    aiosqlite.Connection.execute = _execute_unsynced  # type: ignore[method-assign]
    cli.main()


if __name__ == "__main__":
    main()
