"""Brings a database to the present schema, by Alembic, on either engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.pool import NullPool

from server.store import postgres
from server.store.address import is_postgres

_SCRIPTS = Path(__file__).parent / "migrations"
# Servers that start at the same time migrate one after the other; the later ones find nothing to do.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('gatehouse migrations'))")

Action = Callable[[Config], None]


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing, in one transaction; a new database gets all.

    Call it in a thread that has no event loop: there is no synchronous driver for PostgreSQL here.
    """
    _run(url, partial(command.upgrade, revision=revision))


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to ``revision`` ("base" for all), in one transaction."""
    _run(url, partial(command.downgrade, revision=revision))


def newest() -> str:
    """The revision that this program brings a database to."""
    return _scripts().get_current_head() or ""


def knows(revision: str) -> bool:
    """Whether this program has the way to and from a revision."""
    return revision in {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


def _run(url: str, action: Action) -> None:
    if is_postgres(url):
        asyncio.run(_run_on_postgres(url, action))
    else:
        _run_on_sqlite(url, action)


async def _run_on_postgres(url: str, action: Action) -> None:
    engine = postgres.engine(url, limit_s=0, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME)
            await connection.run_sync(_migrate, action)
    finally:
        await engine.dispose()


def _run_on_sqlite(url: str, action: Action) -> None:
    engine = create_engine(url)
    # The driver begins no transaction before CREATE TABLE by itself: a kill half way would leave half a schema.
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _migrate(connection, action)
    finally:
        engine.dispose()


def _migrate(connection: Connection, action: Action) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    action(config)


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=10000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
