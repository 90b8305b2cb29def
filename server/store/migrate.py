"""Brings a database to the present schema, by Alembic, on either engine.

Nearly always it is there already: then nothing of Alembic is even imported, by a server that starts or a command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.pool import NullPool

from server.store import postgres
from server.store.address import is_postgres

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"
# Servers that start at the same time migrate one after the other; the later ones find nothing to do.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('gatehouse migrations'))")

Action = Callable[[Connection], None]


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing, in one transaction; a new database gets all.

    Call it in a thread that has no event loop: there is no synchronous driver for PostgreSQL here.
    """
    _run(url, partial(_upgrade, revision=newest() if revision == "head" else revision))


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to ``revision`` ("base" for all), in one transaction."""
    _run(url, partial(_downgrade, revision=revision))


def newest() -> str:
    """The revision that this program brings a database to."""
    return _revisions()[-1]


def knows(revision: str) -> bool:
    """Whether this program has the way to and from a revision."""
    return revision in _revisions()


@cache
def _revisions() -> tuple[str, ...]:
    """From the first to the newest: each is the number that its file's name begins with."""
    return tuple(sorted(path.name.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py")))


def _upgrade(connection: Connection, revision: str) -> None:
    if _present(connection) != revision:
        from alembic import command

        command.upgrade(_config(connection), revision)


def _downgrade(connection: Connection, revision: str) -> None:
    from alembic import command

    command.downgrade(_config(connection), revision)


def _present(connection: Connection) -> str | None:
    """The revision of a database; None where it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


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
            await connection.run_sync(action)
    finally:
        await engine.dispose()


def _run_on_sqlite(url: str, action: Action) -> None:
    engine = create_engine(url)
    # The driver begins no transaction before CREATE TABLE by itself: a kill half way would leave half a schema.
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            action(connection)
    finally:
        engine.dispose()


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=10000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
