"""The centre's database in PostgreSQL: many writers, each with a turn, over any number of processes.

A turn is an advisory lock that a transaction takes before all else and holds until it is seen by everybody: a shard's,
for what belongs to one shard's complexes; or the one for everything else. So what was written for one writer at a time
stays true within a turn, and shards do not wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from eventlog.postgres_leader import connect as to_leader
from eventlog.shards import SHARD_NAMES
from server.store.failures import READ_ONLY, state_of
from server.store.one_writer import OneWriter, Rank

REST = "rest"  # the turn of everything that is no shard's
_TURNS = {REST: 0} | {shard: 1 + number for number, shard in enumerate(SHARD_NAMES)}
# Classes of our advisory locks, pg_advisory_xact_lock(class, key); no other part of the product has these.
_TURN, _LIVE, _AUDIT = 0x6A7E_0001, 0x6A7E_0002, 0x6A7E_0003
_LOCK = text("SELECT pg_advisory_xact_lock(:class, :key)")

# With the commit every process that shows screens hears that there is more.
LIVE_CHANNEL = "gatehouse_live"
_LOCK_AND_RING = text("SELECT pg_advisory_xact_lock(:class, :key), pg_notify(:channel, '')")

_LIMIT_S, _SILENT_AFTER_S = 20, 3.0
_CONNECT_LIMIT_S = 10.0
_WRITERS, _READERS = 8, 8


class PostgresTransactions:
    """Transactions of one process: few connections, and a queue a turn before them."""

    def __init__(self, url: str) -> None:
        snapshot: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
        self._writer = engine(url, pool_size=_WRITERS, max_overflow=0)
        read_only = {"postgresql_readonly": True}
        self._reader = engine(url, pool_size=_READERS, max_overflow=0, execution_options=read_only, **snapshot)
        # What takes as long as it takes: a rebuild.
        self._patient = engine(url, limit_s=0, pool_size=1, max_overflow=0)
        # Who waits for a turn within this process waits here, and keeps no connection from the others.
        self._queues: defaultdict[str, OneWriter] = defaultdict(OneWriter)

    @asynccontextmanager
    async def write(self, turn: str, rank: Rank = "usual", _at_once: bool = False) -> AsyncGenerator[AsyncConnection]:
        """One transaction in a turn. ``rank``: who goes first of those of this process."""
        async with self._queues[turn].at(rank), self._begun(self._writer) as connection:
            await _lock(connection, _TURN, _TURNS[turn])
            yield connection

    @asynccontextmanager
    async def write_alone(self) -> AsyncGenerator[AsyncConnection]:
        """One transaction in all turns at once, without a limit of time for its statements."""
        async with AsyncExitStack() as stack:
            for turn in _TURNS:  # everybody else holds one turn, so the order is of no matter but must be one
                await stack.enter_async_context(self._queues[turn])
            connection = await stack.enter_async_context(self._begun(self._patient))
            for number in _TURNS.values():
                await _lock(connection, _TURN, number)
            yield connection

    @asynccontextmanager
    async def _begun(self, of: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
        try:
            async with of.begin() as connection:
                yield connection
        except DBAPIError as error:
            if state_of(error) == READ_ONLY:
                await of.dispose()  # these connections lead to who was the leader: the next ones ask anew
            raise

    @asynccontextmanager
    async def read(self, _at_once: bool = False) -> AsyncGenerator[AsyncConnection]:
        async with self._reader.connect() as connection:
            yield connection

    def engines(self) -> dict[str, AsyncEngine]:
        return {"write": self._writer, "read": self._reader, "patient": self._patient}

    async def close(self) -> None:
        for one in (self._writer, self._reader, self._patient):
            await one.dispose()


def engine(url: str, limit_s: int = _LIMIT_S, **options: Any) -> AsyncEngine:
    """An engine whose URL the driver itself reads, with all that libpq's URLs may say (passfile, sslmode, hosts).

    ``limit_s`` is for a statement, and for its wait for a lock; 0: none.
    """
    made = create_async_engine("postgresql+asyncpg://", async_creator=partial(_connect, url, limit_s), **options)
    event.listen(made.sync_engine, "checkout", _still_there)
    return made


async def _connect(url: str, limit_s: int) -> Any:
    limit_ms = str(limit_s * 1_000)
    settings = {
        "application_name": "gatehouse",
        "statement_timeout": limit_ms,
        "idle_in_transaction_session_timeout": limit_ms,
        "lock_timeout": limit_ms,
        "jit": "off",  # it takes longer than our statements
    }
    # The driver's own limit is for a machine that fell silent: one that lives says so itself, earlier.
    silent_s = limit_s + _SILENT_AFTER_S if limit_s else None
    return await to_leader(url, timeout=_CONNECT_LIMIT_S, command_timeout=silent_s, server_settings=settings)


def _still_there(connection: Any, _record: Any, _proxy: Any) -> None:
    """Of a pooled connection: raises DisconnectionError, at which the pool makes another, where it was broken off."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed it")


async def _lock(connection: AsyncConnection, of_class: int, key: int) -> None:
    await connection.execute(_LOCK, {"class": of_class, "key": key})


async def lock_live(connection: AsyncConnection) -> None:
    """Before rows get positions in ``live``: from here to the commit nobody else's do, so that a reader's cursor, once
    behind a position, has nothing appear before it. SQLite has one writer, and needs none."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_LOCK_AND_RING, {"class": _LIVE, "key": 0, "channel": LIVE_CHANNEL})


async def lock_audit(connection: AsyncConnection) -> None:
    """Before a row is chained to the last one: from here to the commit nobody else appends. Nothing else is waited for
    while it is held, so that it can stand in nobody's way for longer than a commit. SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        await _lock(connection, _AUDIT, 0)
