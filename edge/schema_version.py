"""Which programs may open a store: the number in its PRAGMA user_version, and the rule that lets an upgrade return.

Tables and columns are only added, and a program leaves alone what it does not know: that changes no number. A change
that an earlier program would misread gets the next number, and only after a release that reads both and still writes
the old. docs/decisions/0015-upgrade.md
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

KNOWN = 1  # the highest that this program reads and writes


class StoreTooNew(Exception):
    """The store was written by a later program. It is whole: nothing must be set aside or salvaged."""


def refuse_newer(path: Path, known: int = KNOWN) -> None:
    """Look at a store before anything else does, without changing it. Raises StoreTooNew."""
    found = _number(path)
    if found > known:
        raise StoreTooNew(
            f"{path} has schema {found} and this program knows {known}: a later version of the agent wrote it. "
            "Install that version again; nothing in the store is lost or changed"
        )


def _number(path: Path) -> int:
    """0 where there is no store yet, or none that SQLite can read: opening it will say what is wrong."""
    if not path.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error:
        return 0
