"""A centre's PostgreSQL as a backup reads and fills it: no program of PostgreSQL's own is needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from eventlog.postgres_days import make_days
from eventlog.postgres_leader import connect as to_leader
from eventlog.postgres_link import ERRORS
from server.backup.manifest import BadBackup, EngineName
from server.backup.rows import Row
from server.backup.tables import (
    NOT_OURS,
    Kind,
    Shape,
    as_read,
    behind_what_they_refer_to,
    kind_of,
    quoted,
    select_all,
    to_put,
)

_SOME = 200
_HERE = "relnamespace = current_schema()::regnamespace"
_TABLES = f"SELECT oid, relname FROM pg_class WHERE {_HERE} AND relkind IN ('r', 'p') AND NOT relispartition"  # noqa: S608 - our own words
_COLUMNS = """SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""
_KEY = """SELECT attname FROM pg_index CROSS JOIN unnest(indkey) WITH ORDINALITY AS part(number, place)
JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number WHERE indrelid = $1 AND indisprimary ORDER BY place"""
_REFERS = """SELECT c.relname, f.relname FROM pg_constraint JOIN pg_class c ON c.oid = conrelid
JOIN pg_class f ON f.oid = confrelid WHERE contype = 'f'"""
_SEQUENCES = f"""SELECT t.relname, a.attname, s.oid::regclass::text, pg_sequence_last_value(s.oid) FROM pg_class s
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND t.{_HERE}"""  # noqa: S608 - our own words
_OTHERS = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'gatehouse%'"""
# What a schema holds, as ALTER … SET SCHEMA names it; views last, as they move alone.
_THINGS = """SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
    format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm')
UNION ALL SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
WHERE nspname = $1 AND NOT EXISTS(SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"""
# Not 'gatehouse': so a restore tells a server's connections from its own.
_SETTINGS = {"application_name": "backup of gatehouse", "statement_timeout": "0", "jit": "off"}


class PostgresTables:
    """One connection in one transaction: a snapshot for who reads, all or nothing for who fills."""

    engine: EngineName = "postgres"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def revision(self) -> str:
        if await self._connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return ""
        return await self._connection.fetchval("SELECT version_num FROM alembic_version") or ""

    async def shapes(self) -> list[Shape]:
        oids = {row[1]: row[0] for row in await self._connection.fetch(_TABLES) if row[1] not in NOT_OURS}
        refers: dict[str, set[str]] = {}
        for table, other in await self._connection.fetch(_REFERS):
            refers.setdefault(table, set()).add(other)
        return [await self._shape(name, oids[name]) for name in behind_what_they_refer_to(oids, refers)]

    async def _shape(self, name: str, oid: int) -> Shape:
        columns = await self._connection.fetch(_COLUMNS, oid)
        kinds: tuple[Kind, ...] = tuple(kind_of(name, row[0], row[1]) for row in columns)
        key = tuple(row[0] for row in await self._connection.fetch(_KEY, oid))
        return Shape(name, tuple(row[0] for row in columns), kinds, key)

    async def rows(self, shape: Shape) -> AsyncIterator[Sequence[Row]]:
        some: list[Row] = []
        async for row in self._connection.cursor(select_all(shape), prefetch=_SOME):
            some.append(tuple(row))
            if len(some) >= _SOME:
                yield as_read(shape, some)
                some = []
        if some:
            yield as_read(shape, some)

    async def count(self, shape: Shape) -> int:
        return await self._connection.fetchval(f"SELECT count(*) FROM {quoted(shape.name)}")  # noqa: S608 - checked name

    async def counters(self) -> dict[str, int]:
        return {row[0]: row[3] for row in await self._connection.fetch(_SEQUENCES) if row[3]}

    async def fill(self, shape: Shape, columns: Sequence[str], rows: Iterator[Sequence[Row]]) -> None:
        for some in rows:
            records = [tuple(row) for row in to_put(shape, columns, some)]
            await self._connection.copy_records_to_table(shape.name, records=records, columns=list(columns))

    async def begin_days(self, days: Sequence[int]) -> None:
        """The log's tables of these days."""
        await make_days(self._connection, days)

    async def set_counters(self, counters: Mapping[str, int]) -> None:
        for table, column, sequence, _ in await self._connection.fetch(_SEQUENCES):
            newest = f"SELECT coalesce(max({quoted(column)}), 0) FROM {quoted(table)}"  # noqa: S608 - checked names
            highest = max(counters.get(table, 0), await self._connection.fetchval(newest))
            if highest:
                await self._connection.execute("SELECT setval($1::text::regclass, $2)", sequence, highest)

    async def empty(self, tables: Iterable[str]) -> None:
        for name in tables:
            await self._connection.execute(f"DELETE FROM {quoted(name)}")  # noqa: S608 - checked name

    async def forget_pictures(self, names: Sequence[str]) -> None:
        await self._connection.execute("DELETE FROM media WHERE sha256 = ANY($1::varchar[])", list(names))

    async def servers(self) -> int:
        """How many connections of servers there are to this database."""
        return await self._connection.fetchval(_OTHERS)

    async def put_in_place(self, building: str, aside: str) -> None:
        """Move what is in the schema ``building`` here, and what was here into a new schema ``aside``."""
        here = await self._connection.fetchval("SELECT current_schema()")
        await self._connection.execute(f"CREATE SCHEMA {quoted(aside)}")
        await self._move(here, aside)
        await self._move(building, here)
        await self.drop_schema(building)

    async def _move(self, schema: str, to: str) -> None:
        """Tables with their parts, views and functions; indexes and sequences go with their tables."""
        for kind, name in await self._connection.fetch(_THINGS, schema):
            await self._connection.execute(f"ALTER {kind} {name} SET SCHEMA {quoted(to)}")

    async def make_schema(self, name: str) -> None:
        """A new, empty one; what a broken attempt left of that name is dropped."""
        await self.drop_schema(name)
        await self._connection.execute(f"CREATE SCHEMA {quoted(name)}")

    async def drop_schema(self, name: str) -> None:
        await self._connection.execute(f"DROP SCHEMA IF EXISTS {quoted(name)} CASCADE")


@asynccontextmanager
async def snapshot(url: str) -> AsyncGenerator[PostgresTables]:
    """The database as it is now, whoever writes to it meanwhile."""
    async with _connected(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield PostgresTables(connection)


@asynccontextmanager
async def filling(url: str) -> AsyncGenerator[PostgresTables]:
    """A database to be filled: committed after the block, undone where it fails."""
    async with _connected(url) as connection, connection.transaction():
        yield PostgresTables(connection)


def in_schema(url: str, name: str) -> str:
    """The URL by which everything happens in a schema of its own."""
    return f"{url}{'&' if '?' in url else '?'}search_path={name}"


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[Any]:
    try:
        connection = await to_leader(url, timeout=10.0, server_settings=_SETTINGS)
        try:
            yield connection
        finally:
            await connection.close(timeout=10.0)
    except ERRORS as error:
        raise BadBackup(f"PostgreSQL: {error or type(error).__name__}") from error
