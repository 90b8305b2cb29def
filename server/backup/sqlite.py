"""A centre's SQLite file as a backup reads and fills it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from server.backup.manifest import BadBackup, EngineName
from server.backup.rows import Row
from server.backup.tables import NOT_OURS, Kind, Shape, as_read, behind_what_they_refer_to, kind_of, quoted, select_all

_SOME = 200
_TABLES = """SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
AND sql NOT LIKE 'CREATE VIRTUAL%'"""


class SqliteTables:
    """One connection in one transaction: a snapshot for who reads, all or nothing for who fills."""

    engine: EngineName = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def revision(self) -> str:
        try:
            rows = self._all("SELECT version_num FROM alembic_version")
        except sqlite3.OperationalError:
            return ""
        return rows[0][0] if rows else ""

    async def shapes(self) -> list[Shape]:
        names = [row[0] for row in self._all(_TABLES) if row[0] not in NOT_OURS]
        refers = {name: {row[2] for row in self._all(f"PRAGMA foreign_key_list({quoted(name)})")} for name in names}
        return [self._shape(name) for name in behind_what_they_refer_to(names, refers)]

    def _shape(self, name: str) -> Shape:
        columns = self._all(f"PRAGMA table_info({quoted(name)})")
        kinds: tuple[Kind, ...] = tuple(kind_of(name, row[1], row[2]) for row in columns)
        key = tuple(row[1] for row in sorted(columns, key=lambda row: row[5]) if row[5])
        return Shape(name, tuple(row[1] for row in columns), kinds, key)

    async def rows(self, shape: Shape) -> AsyncIterator[Sequence[Row]]:
        found = self._connection.execute(select_all(shape))
        while some := found.fetchmany(_SOME):
            yield as_read(shape, some)

    async def count(self, shape: Shape) -> int:
        return self._all(f"SELECT count(*) FROM {quoted(shape.name)}")[0][0]  # noqa: S608 - checked name

    async def counters(self) -> dict[str, int]:
        if not self._all("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'"):
            return {}
        return {row[0]: row[1] for row in self._all("SELECT name, seq FROM sqlite_sequence") if row[1]}

    async def fill(self, shape: Shape, columns: Sequence[str], rows: Iterator[Sequence[Row]]) -> None:
        names, marks = ", ".join(quoted(column) for column in columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO {quoted(shape.name)}({names}) VALUES({marks})"
        for some in rows:
            self._connection.executemany(statement, some)

    async def begin_days(self, days: Sequence[int]) -> None:
        """Nothing: one table holds the log."""

    async def set_counters(self, counters: Mapping[str, int]) -> None:
        counting = {row[0] for row in self._all("SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'")}
        for name, highest in counters.items():
            if name in counting:
                self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                self._connection.execute("INSERT INTO sqlite_sequence(name, seq) VALUES(?, ?)", (name, highest))

    async def empty(self, tables: Iterable[str]) -> None:
        for name in tables:
            self._connection.execute(f"DELETE FROM {quoted(name)}")  # noqa: S608 - checked name

    async def forget_pictures(self, names: Sequence[str]) -> None:
        self._connection.executemany("DELETE FROM media WHERE sha256 = ?", [(name,) for name in names])

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong."""
        whole = [row[0] for row in self._all("PRAGMA integrity_check(5)")]
        dangling = [
            f"{row[0]} refers to a row that is not in {row[2]}" for row in self._all("PRAGMA foreign_key_check")
        ]
        return [said for said in whole if said != "ok"] + dangling

    def _all(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()


@contextmanager
def snapshot(path: Path) -> Generator[SqliteTables]:
    """The file as it is now, whoever writes to it meanwhile. Raises BadBackup where there is none."""
    if not path.is_file():
        raise BadBackup(f"{path} is not there: is it the right data folder?")
    with closing(_connected(path)) as connection, _named(path):
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the snapshot begins with the first read
        yield SqliteTables(connection)


@contextmanager
def filling(path: Path) -> Generator[SqliteTables]:
    """A file to be filled: committed and on the disk after the block, undone where it fails."""
    with closing(_connected(path)) as connection, _named(path):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        yield SqliteTables(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def is_in_use(path: Path) -> bool:
    """Whether another program has the file open: it cannot leave the write-ahead mode then. Afterwards, where nobody
    has, all of it is in the one file."""
    with closing(_connected(path)) as connection:
        try:
            connection.execute("PRAGMA busy_timeout=500")
            return connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete"
        except sqlite3.OperationalError:
            return True


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA busy_timeout=10000")
    return connection


@contextmanager
def _named(path: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BadBackup(f"{path}: {error}") from error
