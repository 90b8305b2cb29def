"""The migrations make the schema the code has, on an empty file, and can be undone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from server.store import migrate
from server.store.schema import metadata


def test_the_migrated_schema_is_the_one_in_the_code(tmp_path: Path) -> None:
    migrate.upgrade(tmp_path / "x.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_up_down_and_up_again(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    migrate.upgrade(path)
    migrate.upgrade(path)
    migrate.downgrade(path, "base")
    migrate.upgrade(path)
    with sqlite3.connect(path) as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'batch'").fetchone()
    assert "AUTOINCREMENT" in sql, "a position is never used again"


def test_a_migration_that_dies_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    create = op.create_table

    def dies(*args: object, **kwargs: object) -> object:
        made.append(args)
        if len(made) == 8:
            raise KeyboardInterrupt
        return create(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("alembic.op.create_table", dies)
    with pytest.raises(KeyboardInterrupt):
        migrate.upgrade(tmp_path / "x.db")
    monkeypatch.undo()
    with sqlite3.connect(tmp_path / "x.db") as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    migrate.upgrade(tmp_path / "x.db")
