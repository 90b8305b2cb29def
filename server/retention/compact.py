"""Makes what was erased unreadable in the database's own files too, as far as the engine can, and looks at them."""

from __future__ import annotations

import asyncio
import mmap
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from domain.subjects import Subject
from server.store import address
from server.store.engine import Database

_BUSY_S = 60.0
_TABLES = ("batch", "alert", "charge", "desired_state", "parking_passage", "session", "charge_passage", "refusal")


async def compact(db: Database, folder: Path) -> str:
    """Free pages and the write-ahead log hold what was there before: they are written anew. What was done, in words."""
    if address.is_postgres(db.url):
        return await _vacuum_postgres(db)
    async with db.lock:
        return await asyncio.to_thread(_vacuum_sqlite, folder / address.FILE)


def _vacuum_sqlite(path: Path) -> str:
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return "file written anew" + (", a reader kept the write-ahead log" if busy else "")


async def _vacuum_postgres(db: Database) -> str:
    """Dead rows become room that is written over in time; archived write-ahead logs are the operator's."""
    async with db.outside_transactions() as connection:
        for table in _TABLES:
            await connection.execute(text(f"VACUUM {table}"))
    return "vacuumed"


async def raw_hits(db: Database, folder: Path, subject: Subject) -> int:
    """In how many places of the database's files the subject's own signs stand; 0 for PostgreSQL, whose files are
    its server's."""
    if address.is_postgres(db.url):
        return 0
    return await asyncio.to_thread(_count, folder, list(_spellings(subject)))


def _spellings(subject: Subject) -> Iterator[bytes]:
    for word in {subject.value.strip(), subject.form.partition(":")[2]}:
        if len(word) >= 4 or not word.isascii():
            yield word.encode()


def _count(folder: Path, spellings: list[bytes]) -> int:
    return sum(_in_file(folder / f"{address.FILE}{end}", spellings) for end in ("", "-wal"))


def _in_file(path: Path, spellings: list[bytes]) -> int:
    if not path.exists() or not path.stat().st_size:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as there:
        return sum(_times(there, spelling) for spelling in spellings)


def _times(there: mmap.mmap, word: bytes) -> int:
    found, at = 0, there.find(word)
    while at >= 0:
        found, at = found + 1, there.find(word, at + 1)
    return found
