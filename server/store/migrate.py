"""Brings a database to the present schema, by Alembic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(database: Path, revision: str = "head") -> None:
    """Run the migrations that are missing; a new file gets all. Each runs in one transaction."""
    _run(database, partial(command.upgrade, revision=revision))


def downgrade(database: Path, revision: str) -> None:
    """Undo migrations down to ``revision`` ("base" for all)."""
    _run(database, partial(command.downgrade, revision=revision))


def _run(database: Path, action: Callable[[Config], None]) -> None:
    engine = create_engine(f"sqlite:///{database}")
    # The driver begins no transaction before CREATE TABLE by itself: a kill half way would leave half a schema.
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(_SCRIPTS))
            config.attributes["connection"] = connection
            action(config)
    finally:
        engine.dispose()


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=10000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
