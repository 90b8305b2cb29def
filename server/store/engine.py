"""The centre's database: transactions to write and snapshots to read, on SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Pool, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from eventlog.shards import shard_of
from server.store import audit_rows, failures, one_way
from server.store.address import for_engine, is_postgres
from server.store.one_writer import OneWriter, Rank
from server.store.postgres import REST, PostgresTransactions, engine


class Database:
    """By its URL (server/store/address.py). ``lock`` is shared with the log where both write one file of SQLite.

    All transactions raise DatabaseBusy where the database is away or held for too long.
    """

    def __init__(self, url: str) -> None:
        self.url, self.lock = url, OneWriter()
        made = PostgresTransactions(url) if is_postgres(url) else _SqliteTransactions(url, self.lock)
        self._transactions: PostgresTransactions | _SqliteTransactions = made

    @asynccontextmanager
    async def write(
        self,
        complex_id: str | None = None,
        *,
        shard: str | None = None,
        rank: Rank = "usual",
        at_once: bool = False,
    ) -> AsyncGenerator[AsyncConnection]:
        """One transaction; committed at the end, undone by an exception.

        One at a time of those for a shard, or a complex of it; and of those that name neither. They wait for each other
        over all processes, and for a shard's no other shard's do. ``rank``: who goes first of those who wait here.
        ``at_once``: its statements touch a few rows each, and SQLite need not be asked in another thread.
        """
        turn = shard or (shard_of(complex_id) if complex_id else REST)
        with failures.named():
            async with (
                self._transactions.write(turn, rank, at_once) as connection,
                audit_rows.appended(connection),
            ):
                yield connection

    @asynccontextmanager
    async def write_alone(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction that all others of ``write`` wait for; it may take long."""
        with failures.named():
            async with self._transactions.write_alone() as connection, audit_rows.appended(connection):
                yield connection

    @asynccontextmanager
    async def read(self, *, at_once: bool = False) -> AsyncGenerator[AsyncConnection]:
        """A snapshot to read from. ``at_once``: as for ``write``."""
        with failures.named():
            async with self._transactions.read(at_once) as connection:
                yield connection

    def pools(self) -> dict[str, Pool]:
        """The pools of connections, by what they are for."""
        return {name: of.sync_engine.pool for name, of in self._transactions.engines().items()}

    @asynccontextmanager
    async def outside_transactions(self) -> AsyncGenerator[AsyncConnection]:
        """A connection of PostgreSQL for what runs in no transaction: VACUUM."""
        made = engine(self.url, limit_s=0, poolclass=NullPool)
        try:
            with failures.named():
                async with made.connect() as connection:
                    yield await connection.execution_options(isolation_level="AUTOCOMMIT")
        finally:
            await made.dispose()

    async def close(self) -> None:
        await self._transactions.close()


class _SqliteTransactions:
    """One writer at a time within the process, and by SQLite's own lock over processes; readers beside it."""

    def __init__(self, url: str, lock: OneWriter) -> None:
        self._lock = lock
        # IMMEDIATE: a transaction that reads first and writes later must not find another process in between.
        self._writer = _engine(url, one_way.BEGIN_TO_WRITE, pool_size=1, more=1)
        self._reader = _engine(url, "BEGIN", pool_size=4)
        self._hasty = _engine(url, "BEGIN", pool_size=8, more=0)  # what is at once waits for no long read

    @asynccontextmanager
    async def write(self, _turn: str, rank: Rank = "usual", at_once: bool = False) -> AsyncGenerator[AsyncConnection]:
        async with self._lock.at(rank), one_way.lent(self._writer, at_once) as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write_alone(self) -> AsyncGenerator[AsyncConnection]:
        async with self.write(REST) as connection:
            yield connection

    @asynccontextmanager
    async def read(self, at_once: bool = False) -> AsyncGenerator[AsyncConnection]:
        async with one_way.lent(self._hasty if at_once else self._reader, at_once) as connection:
            yield connection

    def engines(self) -> dict[str, AsyncEngine]:
        return {"write": self._writer, "read": self._reader, "read_at_once": self._hasty}

    async def close(self) -> None:
        for of in self.engines().values():
            await of.dispose()


def _engine(url: str, begin: str, pool_size: int, more: int = 4) -> AsyncEngine:
    """``more``: connections that are made where those do not suffice, and closed after use, which is dear."""
    engine = create_async_engine(for_engine(url), pool_size=pool_size, max_overflow=more)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", partial(_begin, begin))
    return engine


def _begin(statement: str, connection: Connection) -> None:
    connection.exec_driver_sql(statement)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={one_way.BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def stamp(time: datetime) -> str:
    """A time as the tables keep it: ISO 8601, UTC, milliseconds; sorts as text."""
    in_utc = time if time.tzinfo is UTC else time.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='milliseconds')[:-6]}Z"


def unstamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
