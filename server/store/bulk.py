"""Many rows by one statement, written or looked up: what the readers of the log do for a whole chunk of facts.

The driver gets plain SQL, which it keeps prepared, and tuples. SQLite takes rows as executemany and keys as VALUES;
PostgreSQL takes both as an array a column.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

Rows = Sequence[tuple[object, ...]]
_Conflict = Literal["update", "add", "ignore", "none"]
# Rows of VALUES at once: of few sizes, so that statements are found prepared, and below SQLite's bound on parameters.
_SIZES = (8, 64, 512)
_dialect = postgresql.dialect()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


async def insert(connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Rows) -> None:
    """Add rows whose keys are new."""
    await _write(connection, table, columns, rows, "none")


async def insert_new(connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Rows) -> None:
    """Add rows, those whose keys are there already apart."""
    await _write(connection, table, columns, rows, "ignore")


async def upsert(connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Rows) -> None:
    """Add rows or give those that are there the new values. No key may come twice."""
    await _write(connection, table, columns, rows, "update")


async def add_up(connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Rows) -> None:
    """Add rows, or their numbers to those that are there. No key may come twice."""
    await _write(connection, table, columns, rows, "add")


async def _write(
    connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Rows, conflict: _Conflict
) -> None:
    if not rows:
        return
    sql = _insert(connection.dialect.name, table, columns, conflict)
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(sql, tuple(map(list, zip(*rows, strict=True))))
    else:
        await connection.exec_driver_sql(sql, list(rows))


@functools.cache
def _insert(dialect: str, table: Table, columns: tuple[str, ...], conflict: _Conflict) -> str:
    if dialect == "postgresql":
        given = f"SELECT * FROM unnest({_arrays(tuple(_type(table, name) for name in columns))})"  # noqa: S608
    else:
        given = f"VALUES({', '.join('?' * len(columns))})"
    quoted = [f'"{name}"' for name in columns]
    keys = [f'"{column.name}"' for column in table.primary_key]
    changed = ", ".join(f"{name} = excluded.{name}" for name in quoted if name not in keys)
    added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in quoted if name not in keys)
    then = {
        "update": f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}",
        "add": f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}",
        "ignore": "ON CONFLICT DO NOTHING",
        "none": "",
    }
    return f"INSERT INTO {table.name}({', '.join(quoted)}) {given} {then[conflict]}"


async def delete(connection: AsyncConnection, table: Table, keys: Rows) -> None:
    """Remove the rows of these primary keys."""
    if not keys:
        return
    sql = _delete(connection.dialect.name, table)
    given = tuple(map(list, zip(*keys, strict=True))) if connection.dialect.name == "postgresql" else list(keys)
    await connection.exec_driver_sql(sql, given)


@functools.cache
def _delete(dialect: str, table: Table) -> str:
    names = [column.name for column in table.primary_key]
    if dialect != "postgresql":
        return f"DELETE FROM {table.name} WHERE {' AND '.join(f'{name} = ?' for name in names)}"  # noqa: S608
    arrays = _arrays(tuple(_type(table, name) for name in names))
    same = " AND ".join(f"{table.name}.{name} = gone.{name}" for name in names)
    return f"DELETE FROM {table.name} USING unnest({arrays}) AS gone({', '.join(names)}) WHERE {same}"  # noqa: S608


async def look_up(connection: AsyncConnection, columns: dict[str, str], keys: Rows, sql: str) -> list[tuple[Any, ...]]:
    """What ``sql`` finds for the keys, which it reads as the rows ``wanted`` with these columns (name to type).

    It begins where a query does, ``SELECT … FROM wanted CROSS JOIN …``, and must have nothing to say of a key of NULLs.
    """
    if not keys:
        return []
    if connection.dialect.name == "postgresql":
        arrays = _arrays(tuple(columns.values()))
        statement = f"WITH wanted({', '.join(columns)}) AS (SELECT * FROM unnest({arrays})) {sql}"  # noqa: S608
        found = await connection.exec_driver_sql(statement, tuple(map(list, zip(*keys, strict=True))))
        return [tuple(row) for row in found]
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(keys), _SIZES[-1]):
        rows += await _look_up_some(connection, columns, keys[start : start + _SIZES[-1]], sql)
    return rows


async def _look_up_some(
    connection: AsyncConnection, columns: dict[str, str], keys: Rows, sql: str
) -> list[tuple[Any, ...]]:
    size = next(size for size in _SIZES if size >= len(keys))
    row = f"({', '.join('?' * len(columns))})"
    statement = f"WITH wanted({', '.join(columns)}) AS (VALUES {', '.join([row] * size)}) {sql}"
    given = [value for key in keys for value in key] + [None] * (size - len(keys)) * len(columns)
    return [tuple(row) for row in await connection.exec_driver_sql(statement, tuple(given))]


def _arrays(types: tuple[str, ...]) -> str:
    return ", ".join(f"${number}::{of}[]" for number, of in enumerate(types, 1))


def _type(table: Table, column: str) -> str:
    return table.c[column].type.compile(_dialect)
