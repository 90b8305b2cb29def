"""SQLite: the file, who may read it, and a look at all of it while that takes no time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from domain.findings import Finding, Reporter

_FILE = Reporter("database", "file")
_WHOLE = Reporter("database", "contents")
_WHOLE_LIMIT_S = 20.0
_RESTORE = "restore the last backup; gateways send what came after it"
_STEPS = 100_000


def check(path: Path) -> list[Finding]:
    try:
        return [*_file(path), *_whole(path)]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a name in its damaged schema may be no text at all
        return [_WHOLE.error(str(error), _RESTORE)]


def _file(path: Path) -> Iterator[Finding]:
    if path.parent.stat().st_mode & 0o077 and path.stat().st_mode & 0o077:
        yield _FILE.warn(f"others may read {path}", f"chmod 700 {path.parent}")
    with closing(sqlite3.connect(path)) as db:
        mode = db.execute("PRAGMA journal_mode").fetchone()[0]
    said = f"SQLite {sqlite3.sqlite_version}, journal {mode}, {path.stat().st_size} bytes"
    if mode != "wal":
        yield _FILE.warn(said, "it becomes wal when the server opens it; on a network's file system it cannot")
    else:
        yield _FILE.ok(said)


def _whole(path: Path) -> Iterator[Finding]:
    """SQLite's own check, for at most twenty seconds."""
    ends = time.monotonic() + _WHOLE_LIMIT_S
    with closing(sqlite3.connect(path)) as db:
        db.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
        try:
            said = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
        except sqlite3.OperationalError:  # the time is over
            yield _WHOLE.ok(f"sound as far as it was looked at, in {_WHOLE_LIMIT_S:.0f} s")
            return
    if said != ["ok"]:
        yield _WHOLE.error("; ".join(said), _RESTORE)
    else:
        yield _WHOLE.ok("sound")
