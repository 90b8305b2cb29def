"""SQLite for SQLAlchemy over aiosqlite, with one way to the database's thread and back for a statement.

The dialect of the library goes that way four times: for a cursor, the statement, its rows and the cursor's end. Each
time the rest of the program may have its turn first, and all that time a transaction that writes holds up all others.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)

SCHEME = "sqlite+oneway"


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

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection, self._connection = adapt_connection, adapt_connection._connection
        self._soft_closed_memoized: Any = {}
        self._take(_NOTHING)

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._run(lambda cursor: cursor.execute(operation, () if parameters is None else parameters))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._run(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def _run(self, statement: Callable[[sqlite3.Cursor], object]) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._take(await connection._execute(_run_whole, connection._conn, statement))

    def _take(self, done: _Done) -> None:
        self._cursor: Any = done
        self._rows = deque(done.rows)

    async def _async_soft_close(self) -> None:
        """There is nothing to close."""

    def close(self) -> None:
        self._rows.clear()


def _run_whole(connection: sqlite3.Connection, statement: Callable[[sqlite3.Cursor], object]) -> _Done:
    """In the database's thread."""
    cursor = connection.cursor()
    try:
        statement(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> _Connection:
        return _Connection(self, super().connect(*arg, **kw)._connection)


class OneWay(SQLiteDialect_aiosqlite):
    """The dialect of the scheme ``sqlite+oneway``."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> _Driver:
        return _Driver(__import__("aiosqlite"), sqlite3)


registry.register("sqlite.oneway", __name__, OneWay.__name__)
