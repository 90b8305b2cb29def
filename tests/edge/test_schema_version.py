"""A store that a later program wrote is refused plainly and left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.commands.app import app
from edge.store.file import FILE, open_store
from eventlog.log import LogBroken
from eventlog.sqlite_schema import VERSION


def now() -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC)


def numbered(folder: Path, number: int) -> list[str]:
    """Give the store another number; what is in it then."""
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute(f"PRAGMA user_version={number}")
    return contents(folder)


def contents(folder: Path) -> list[str]:
    """Its number, its tables and its rows."""
    with closing(sqlite3.connect(folder / FILE)) as db:
        return [str(db.execute("PRAGMA user_version").fetchone()[0]), *db.iterdump()]


async def test_a_later_store_is_refused_and_not_touched(tmp_path: Path) -> None:
    await (await open_store(tmp_path, now)).close()
    before = numbered(tmp_path, VERSION + 1)
    with pytest.raises(LogBroken, match="install a newer one"):
        await open_store(tmp_path, now)
    assert contents(tmp_path) == before
    numbered(tmp_path, VERSION)
    await (await open_store(tmp_path, now)).close()


def test_the_program_ends_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text('data = "data"\n')
    (tmp_path / "data").mkdir()
    before = numbered(tmp_path / "data", VERSION + 1)
    done = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "edge.toml")])
    assert done.exit_code == 1
    assert "install a newer one" in done.stderr
    assert contents(tmp_path / "data") == before


async def test_what_a_later_program_added_is_left_alone(tmp_path: Path) -> None:
    """The rule for additions: the program before works on, and the addition is there when one returns."""
    await (await open_store(tmp_path, now)).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("CREATE TABLE later(x)")
        db.execute("ALTER TABLE parked ADD COLUMN later INTEGER NOT NULL DEFAULT 7")
    store = await open_store(tmp_path, now)
    assert await store.query("SELECT name FROM sqlite_schema WHERE name = 'later'") == [("later",)]
    await store.close()
