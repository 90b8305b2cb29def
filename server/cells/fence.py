"""Triggers that keep a complex's rows as they are while it moves, and afterwards: whoever would change one is refused.

What removes rows by their age goes over all complexes at once, and must not fail for the sake of one: a row of one that
moves is passed over, a row of one that has moved goes. The triggers are made by the first move and cost nothing
before. The log has a fence of its own (eventlog/*_batches.py).
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.cells.catalogue import fenced, owner_in
from server.store.failures import FENCED, FENCED_STATE

_OPERATIONS = ("INSERT", "UPDATE", "DELETE")
# In a transaction that has the state `writing`, which nobody else ever sees, its own rows may be written.
_SHUT = "('copying', 'opening', 'moved', 'gone', 'importing')"
_KEPT = "('copying', 'opening', 'importing')"  # nothing goes
_SHUT_TO_MEDIA = "('copying', 'opening', 'moved', 'gone')"  # pictures come beside the rows


async def raise_fences(connection: AsyncConnection) -> None:
    """Make the triggers that are not there yet."""
    await connection.run_sync(_raise)


def _raise(connection: Connection) -> None:
    there = _there(connection)
    for table in fenced():
        if connection.dialect.name == "postgresql":
            if f"fence_{table.name}" not in there:
                _raise_on_postgres(connection, table)
        else:
            for operation in _OPERATIONS:
                connection.exec_driver_sql(_sqlite(table, operation))


def _there(connection: Connection) -> set[str]:
    if connection.dialect.name != "postgresql":
        return set()
    return set(connection.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")))


def _is_in(states: str, table: Table, row: str) -> str:
    return f"EXISTS (SELECT 1 FROM complex_move WHERE complex = {owner_in(table, row)} AND state IN {states})"  # noqa: S608


def _shut(table: Table) -> str:
    return _SHUT_TO_MEDIA if table.name == "media" else _SHUT


def _sqlite(table: Table, operation: str) -> str:
    if operation == "DELETE":
        when, then = _is_in(_KEPT, table, "OLD"), "RAISE(IGNORE)"
    else:
        when, then = _is_in(_shut(table), table, "NEW"), f"RAISE(ABORT, '{FENCED}')"
    return f"""CREATE TRIGGER IF NOT EXISTS fence_{table.name}_{operation.lower()} BEFORE {operation} ON "{table.name}"
WHEN {when} BEGIN SELECT {then}; END"""


def _raise_on_postgres(connection: Connection, table: Table) -> None:
    name = f"fence_{table.name}"
    connection.exec_driver_sql(f"""CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF {_is_in(_KEPT, table, "OLD")} THEN RETURN NULL; END IF;
        RETURN OLD;
    END IF;
    IF {_is_in(_shut(table), table, "NEW")} THEN RAISE EXCEPTION '{FENCED}' USING ERRCODE = '{FENCED_STATE}'; END IF;
    RETURN NEW;
END $$""")
    connection.exec_driver_sql(
        f'CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OR DELETE ON "{table.name}" '
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
