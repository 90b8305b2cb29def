"""The broken agent, on purpose: it believes whatever its file says a record is."""

from __future__ import annotations

from edge.commands import app as cli
from eventlog import sqlite, sqlite_rows


def _none(_key: int, _fact_id: bytes | None, _body: bytes) -> int:
    return 0


def main() -> None:
    sqlite.checksum = sqlite_rows.checksum = _none
    cli.main()


if __name__ == "__main__":
    main()
