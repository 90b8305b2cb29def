"""The centre's database: one writer at a time within the process, readers beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

FILE = "gatehouse.db"


class Database:
    """``write`` gives the one writing transaction; ``lock`` is shared with the log, which writes the same file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = asyncio.Lock()
        # IMMEDIATE: a transaction that reads first and writes later must not find another process in between.
        self._writer = _engine(path, "BEGIN IMMEDIATE", pool_size=1)
        self._reader = _engine(path, "BEGIN", pool_size=4)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction; committed at the end, undone by an exception."""
        async with self.lock, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A snapshot to read from."""
        async with self._reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _engine(path: Path, begin: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(url(path), pool_size=pool_size, max_overflow=pool_size)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", partial(_begin, begin))
    return engine


def _begin(statement: str, connection: Connection) -> None:
    connection.exec_driver_sql(statement)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def stamp(time: datetime) -> str:
    """A time as the tables keep it: ISO 8601, UTC, milliseconds; sorts as text."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unstamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
