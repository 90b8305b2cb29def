"""The way to a PostgreSQL: a pool of connections with bounds on every wait, and the driver's errors as ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, Protocol, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from eventlog.log import LogBroken, LogBusy, LogFull
from eventlog.postgres_leader import connect as to_leader

POOL_SIZE = 8
_ACQUIRE_S, _CLOSE_S = 10.0, 5.0
_SETTINGS = {
    "application_name": "gatehouse log",
    "jit": "off",  # the statements are short and many
    # A process that stands still in the middle of an append holds up its shard no longer than this.
    "idle_in_transaction_session_timeout": "30s",
}
# What was on its way to a machine that fell silent is given up after ``command_timeout``, before another one leads.
_BOUNDS: Mapping[str, Any] = {"timeout": 10.0, "command_timeout": 14.0, "server_settings": _SETTINGS}

Isolation = Literal["read_committed", "repeatable_read"]


class Connection(Protocol):
    """What is used of the driver's connection. Rows are read like tuples."""

    async def execute(self, query: str, *args: object) -> str: ...
    async def fetch(self, query: str, *args: object) -> list[Any]: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    def cursor(self, query: str, *args: object, prefetch: int, timeout: float) -> AsyncIterable[Any]: ...
    def transaction(self, *, isolation: Isolation, readonly: bool) -> AbstractAsyncContextManager[None]: ...
    async def add_listener(self, channel: str, callback: Callable[[object, int, str, str], None]) -> None: ...
    def add_termination_listener(self, callback: Callable[[object], None]) -> None: ...
    def get_server_pid(self) -> int: ...
    def terminate(self) -> None: ...


class _Pool(Protocol):
    def acquire(self, *, timeout: float) -> AbstractAsyncContextManager[Connection]: ...
    async def expire_connections(self) -> None: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


_driver: Any = asyncpg  # it brings no types
ERRORS: tuple[type[Exception], ...] = (
    _driver.PostgresError,
    _driver.InterfaceError,
    _driver.InternalClientError,  # what it says of a connection that the server has ended and whose end is not read yet
    OSError,
)


class Link:
    """A pool; a connection that broke is replaced by the next that asks."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> Link:
        """Raises LogBroken where nothing answers at ``url`` (libpq's form, a password by PGPASSFILE)."""
        size = {"min_size": 0, "max_size": POOL_SIZE}  # kept up to more, the pool would complain while nobody leads
        try:
            pool = await _driver.create_pool(url, connect=to_leader, **size, **_BOUNDS, reset=_nothing_to_reset)
            async with pool.acquire(timeout=_ACQUIRE_S):
                return cls(pool)
        except ERRORS as error:
            raise broken(error, "opening the log") from error

    @asynccontextmanager
    async def connection(self, what: str) -> AsyncGenerator[Connection]:
        """A connection for a while. Raises LogBroken for every error of the database or of the way to it."""
        try:
            async with self._pool.acquire(timeout=_ACQUIRE_S) as connection:
                yield connection
        except ERRORS as error:
            if isinstance(error, _driver.ReadOnlySQLTransactionError):
                await self._pool.expire_connections()  # this server leads no more: connect anew, to the one that does
            raise broken(error, what) from error

    @asynccontextmanager
    async def transaction(
        self, what: str, *, isolation: Isolation = "read_committed", readonly: bool = False
    ) -> AsyncGenerator[Connection]:
        """One transaction. Raises LogBroken: nothing was kept, or, where the connection broke in the very commit,
        nobody knows; whoever asks again is told ``known``."""
        async with self.connection(what) as connection, connection.transaction(isolation=isolation, readonly=readonly):
            yield connection

    async def close(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def connect(url: str) -> Connection:
    """A connection outside the pool, for listening. Raises one of ERRORS."""
    return cast(Connection, await to_leader(url, **_BOUNDS))


def broken(error: Exception, what: str) -> LogBroken:
    """A driver's error as one of ours."""
    kind = LogBroken
    if isinstance(error, _driver.DiskFullError):
        kind = LogFull
    elif isinstance(error, _driver.LockNotAvailableError | _driver.DeadlockDetectedError):
        kind = LogBusy
    return kind(f"PostgreSQL, {what}: {str(error) or type(error).__name__}")


async def _nothing_to_reset(_connection: object) -> None:
    """We change no settings, listen to nothing and lock nothing beyond a transaction: no statement is spent on it."""
