"""What the directory keeps: a row a complex, in a small file of its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from domain.cells import Whereabouts

FILE = "directory.db"
_MAKE = """CREATE TABLE IF NOT EXISTS place(
    complex TEXT PRIMARY KEY, url TEXT NOT NULL, fingerprint TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID"""
# Only a newer word counts, or the same cell's with another certificate: words may come late, or twice.
_PUT = """INSERT INTO place(complex, url, fingerprint, version) VALUES(?, ?, ?, ?)
ON CONFLICT(complex) DO UPDATE SET url = excluded.url, fingerprint = excluded.fingerprint, version = excluded.version
WHERE excluded.version > place.version OR (excluded.version = place.version AND excluded.url = place.url)"""
_FIND = "SELECT url, fingerprint, version FROM place WHERE complex = ?"


class Register:
    """Durable when ``put`` returns. Its calls block for as long as a disk takes: to be called in threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file, self._turn = folder / FILE, threading.Lock()
        with self._turn, closing(self._open()) as db:
            db.execute(_MAKE)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, isolation_level=None, timeout=10)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        return db

    def find(self, complex_id: str) -> Whereabouts | None:
        with closing(self._open()) as db:
            row = db.execute(_FIND, (complex_id,)).fetchone()
        return None if row is None else Whereabouts(*row)

    def put(self, said: Sequence[tuple[str, Whereabouts]]) -> list[str]:
        """Keep what is newer, all in one transaction; the complexes of which something else stands."""
        rows = [(complex_id, where.url, where.fingerprint, where.version) for complex_id, where in said]
        with self._turn, closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_PUT, rows)
            other = [row[0] for row in rows if db.execute(_FIND, (row[0],)).fetchone() != row[1:]]
            db.execute("COMMIT")
        return other
