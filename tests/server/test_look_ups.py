"""Rows are looked up by their keys, however many share what else is asked of them."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from server.store.doubt_rows import LOOSE
from server.store.parking_tables import doubt

_BY_SESSION = LOOSE.replace("coalesce(doubt.session, '') = ''", "doubt.session IS NULL")


def _plan(sql: str) -> str:
    """How SQLite would go about it."""
    connection = sqlite3.connect(":memory:")
    connection.execute(str(CreateTable(doubt).compile(dialect=sqlite.dialect())))
    for index in doubt.indexes:
        connection.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
    wanted = "WITH wanted(complex, passage) AS (VALUES (?, ?))"
    return " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {wanted} {sql}", ("garden", b"1")))


@pytest.mark.parametrize(("sql", "by_key"), [(LOOSE, True), (_BY_SESSION, False)])
def test_a_car_that_was_not_read_is_found_by_its_passage(sql: str, by_key: bool) -> None:
    """And the control: a day's backlog of such cars took seconds a batch where each was sought among all of them."""
    assert ("passage=?" in _plan(sql)) is by_key
