"""SQLite for SQLAlchemy over aiosqlite, with one way to the database's thread and back for a statement, or none.

The dialect of the library goes that way four times: for a cursor, the statement, its rows and the cursor's end. Each
time the rest of the program may have its turn first, and all that time a transaction that writes holds up all others.
What is small and cannot wait goes no way at all (``at_once``): a lookup by key takes less than the way.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SCHEME = "sqlite+oneway"
BEGIN_TO_WRITE = "BEGIN IMMEDIATE"
BUSY_MS = 10_000  # so long a transaction waits for one of another process
_MANY_ROWS = 200  # to write so many takes longer than the way
_TURN_S = 0.005  # so long others wait at most while one statement after the other is run at once


class _Done(NamedTuple):
    """What is left of a cursor once its statement has run."""

    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]
    arraysize: int = 1


_NOTHING = _Done(None, -1, None, [])


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Runs a statement and fetches its rows in one call; nothing of it stays open."""

    __slots__ = ()

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection, self._connection = adapt_connection, adapt_connection._connection
        self._soft_closed_memoized: Any = {}
        self._take(_NOTHING)

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        adapted: Any = self._adapt_connection
        if operation == BEGIN_TO_WRITE and adapted.begins_unhindered():
            self._take(_NOTHING)
            return
        rows = _MANY_ROWS if operation == BEGIN_TO_WRITE else 1  # a beginning that is hindered waits elsewhere
        await self._run(rows, lambda cursor: cursor.execute(operation, () if parameters is None else parameters))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._run(len(seq_of_parameters), lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def _run(self, rows: int, statement: Callable[[sqlite3.Cursor], object]) -> None:
        connection: Any = self._connection
        adapted: Any = self._adapt_connection
        async with adapted._execute_mutex:
            adapted.is_over = False
            if adapted.is_at_once and rows < _MANY_ROWS:
                self._take(_run_whole(connection._conn, statement))
                await adapted.breathe()
            else:
                self._take(await connection._execute(_run_whole, connection._conn, statement))

    def _take(self, done: _Done) -> None:
        self._cursor: Any = done
        self._rows = deque(done.rows)

    async def _async_soft_close(self) -> None:
        """There is nothing to close."""

    def close(self) -> None:
        self._rows.clear()


def _run_whole(connection: sqlite3.Connection, statement: Callable[[sqlite3.Cursor], object]) -> _Done:
    cursor = connection.cursor()
    try:
        statement(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("_breathed_s", "is_at_once", "is_over")
    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.is_at_once, self._breathed_s = False, 0.0
        self.is_over = False  # committed, and nothing was asked of it since

    def begin_at_once(self) -> None:
        self.is_at_once, self._breathed_s = True, time.monotonic()

    def begins_unhindered(self) -> bool:
        """Whether a transaction to write could be begun at once: where another process has one, it would wait here."""
        own: Any = self._connection
        if not self.is_at_once:
            return False
        own._conn.execute("PRAGMA busy_timeout=0")
        try:
            own._conn.execute(BEGIN_TO_WRITE)
        except sqlite3.OperationalError:
            return False
        finally:
            own._conn.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        self.is_over = False
        return True

    def commit(self) -> None:
        self.is_at_once = False
        super().commit()
        self.is_over = True

    def rollback(self) -> None:
        """At once too: it waits for no disk, and mostly nothing was written. The pool asks for one after each commit,
        where there is nothing to undo."""
        if self.is_over:
            return
        if not self.is_at_once:
            super().rollback()
            return
        own: Any = self._connection
        self.is_at_once = False
        own._conn.rollback()

    async def breathe(self) -> None:
        """Others have their turn, now and then."""
        if time.monotonic() - self._breathed_s > _TURN_S:
            await asyncio.sleep(0)
            self._breathed_s = time.monotonic()


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> _Connection:
        theirs: Any = super().connect(*arg, **kw)
        return _Connection(self, theirs._connection)


class OneWay(SQLiteDialect_aiosqlite):
    """The dialect of the scheme ``sqlite+oneway``."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> _Driver:
        return _Driver(__import__("aiosqlite"), sqlite3)


@asynccontextmanager
async def lent(engine: AsyncEngine, at_once: bool) -> AsyncGenerator[AsyncConnection]:
    """A connection of an engine's. ``at_once``: hastened."""
    connection = await engine.connect().start()
    try:
        if at_once:
            await hasten(connection)
        yield connection
    finally:
        await _give_back(connection)


async def _give_back(connection: AsyncConnection) -> None:
    """Where there is nothing to wait for, without a turn of the loop, which the library's own way takes in any case: of
    a busy loop one is tens of milliseconds, for which whoever wrote would hold up the next."""
    if _is_done_with(connection):
        await connection.close()
    else:
        await asyncio.shield(asyncio.create_task(connection.close()))


def _is_done_with(connection: AsyncConnection) -> bool:
    known = connection.sync_connection
    if known is None or known.closed or known.invalidated:
        return False
    adapted: Any = known.connection.dbapi_connection
    return adapted.is_at_once or adapted.is_over


async def hasten(connection: AsyncConnection) -> None:
    """Run what is asked of a connection of SQLite in this very thread, until the end of its transaction: for statements
    that each touch a few rows. Its commit waits for the disk and goes the way, and so does a beginning that another
    process hinders."""
    adapted: Any = (await connection.get_raw_connection()).dbapi_connection
    adapted.begin_at_once()


registry.register("sqlite.oneway", __name__, OneWay.__name__)
