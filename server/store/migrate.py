"""Brings a database to the present schema, by Alembic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(database: Path, revision: str = "head") -> None:
    """Run the migrations that are missing; a new file gets all. Each runs in one transaction."""
    _run(database, partial(command.upgrade, revision=revision))


def downgrade(database: Path, revision: str) -> None:
    """Undo migrations down to ``revision`` ("base" for all)."""
    _run(database, partial(command.downgrade, revision=revision))


def _run(database: Path, action: Callable[[Config], None]) -> None:
    engine = create_engine(f"sqlite:///{database}")
    try:
        with engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(_SCRIPTS))
            config.attributes["connection"] = connection
            action(config)
    finally:
        engine.dispose()
