"""The broken backup, on purpose: each table as it is when its turn comes, not all as they were at one moment."""

from __future__ import annotations

import time
from typing import Any

from server import cli
from server.backup.sqlite import SqliteTables

_WHILE_OTHERS_WRITE_S = 1.0
_rows: Any = SqliteTables.rows


async def _later(self: Any, shape: Any) -> Any:
    if shape.name == "mark":
        time.sleep(_WHILE_OTHERS_WRITE_S)
    self._connection.execute("COMMIT")
    self._connection.execute("BEGIN")
    async for some in _rows(self, shape):
        yield some


def main() -> None:
    SqliteTables.rows = _later
    cli.main()


if __name__ == "__main__":
    main()
