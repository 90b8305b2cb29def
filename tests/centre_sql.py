"""One statement on a centre's database from outside, while a server of another process has it: for rigs."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

Rows = list[tuple[Any, ...]]
_LIMIT_S = 10.0


def on_sqlite(path: Path, sql: str, args: Sequence[object] = ()) -> Rows:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_LIMIT_S)) as db:
        return db.execute(sql, args).fetchall()


def on_postgres(url: str, sql: str, args: Sequence[object] = ()) -> Rows:
    """The same there, in SQLite's spelling of parameters; JSON comes as text. Raises OSError, asyncpg.PostgresError."""
    with ThreadPoolExecutor(1) as thread:  # who asks may be in an event loop, and the driver has no other form
        return thread.submit(asyncio.run, _fetched(url, numbered(sql), args)).result()


def numbered(sql: str) -> str:
    """The statement with its question marks, none of which may stand in a text, as $1, $2 and so on."""
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)


async def _fetched(url: str, sql: str, args: Sequence[object]) -> Rows:
    connection = await asyncpg.connect(url, timeout=_LIMIT_S, command_timeout=_LIMIT_S)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *args)]
    finally:
        await connection.close(timeout=_LIMIT_S)
