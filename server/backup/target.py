"""Where a backup is put back: what is there now, and the new centre built beside it, which then takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from server.backup import postgres, sqlite
from server.backup.file import sync_folder
from server.backup.manifest import BadBackup, EngineName
from server.backup.tables import Snapshot, Target
from server.store import address, migrate
from server.store.failures import named

_BUILDING = "gatehouse_restoring"
# What a server writes by itself into a database in which nobody has done anything yet.
_OF_ITSELF = frozenset({"complex"})


class There(msgspec.Struct, frozen=True):
    """What a target holds before it is touched."""

    engine: EngineName
    where: str
    revision: str  # empty: none
    holds: dict[str, int]  # table -> rows, of those that have any


class Place(Protocol):
    """A target, on either engine."""

    engine: EngineName

    async def look(self) -> There: ...
    async def begin(self, revision: str) -> None:
        """Build a new centre of that schema, with nothing in it, beside what is there. Raises BadBackup."""
        ...

    def filling(self) -> AsyncGenerator[Target]: ...
    def reading(self) -> AsyncGenerator[Snapshot]: ...
    async def migrate(self) -> None: ...
    async def put_in_place(self, now: datetime, there: There) -> str:
        """Make it the centre; where what was there is now, empty where there was nothing."""
        ...


async def _held(found: Snapshot) -> dict[str, int]:
    """table -> rows, of those that somebody filled."""
    held = {shape.name: await found.count(shape) for shape in await found.shapes() if shape.name not in _OF_ITSELF}
    return {name: rows for name, rows in held.items() if rows}


class SqlitePlace:
    """The file of a data folder."""

    engine: EngineName = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._path = folder / address.FILE
        self._new = folder / f"{address.FILE}.restoring"

    async def look(self) -> There:
        if not self._path.exists():
            return There("sqlite", str(self._path), "", {})
        with sqlite.snapshot(self._path) as found:
            return There("sqlite", str(self._path), await found.revision(), await _held(found))

    async def begin(self, revision: str) -> None:
        if self._path.exists() and sqlite.is_in_use(self._path):
            raise BadBackup(f"{self._path} is in use: stop the server first")
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in self._path.parent.glob(f"{self._new.name}*"):
            leftover.unlink()
        await asyncio.to_thread(migrate.upgrade, address.sqlite(self._new), revision)

    @asynccontextmanager
    async def filling(self) -> AsyncGenerator[Target]:
        with sqlite.filling(self._new) as target:
            yield target

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[sqlite.SqliteTables]:
        with sqlite.snapshot(self._new) as found:
            yield found

    async def migrate(self) -> None:
        await asyncio.to_thread(migrate.upgrade, address.sqlite(self._new))

    async def put_in_place(self, now: datetime, there: There) -> str:
        if sqlite.is_in_use(self._new):  # all of it in the one file now
            raise BadBackup(f"{self._new} is in use")
        aside = self._path.with_name(f"{self._path.name}.replaced-{now:%Y%m%d%H%M%S}")
        if self._path.exists():
            for suffix in ("", "-wal", "-shm"):
                old = self._path.with_name(self._path.name + suffix)
                if old.exists():
                    old.rename(aside.with_name(aside.name + suffix))
        self._new.rename(self._path)
        sync_folder(self._path.parent)
        return str(aside) if aside.exists() else ""


class PostgresPlace:
    """A database of PostgreSQL: built in a schema of its own, moved over in one transaction."""

    engine: EngineName = "postgres"

    def __init__(self, url: str) -> None:
        self._url, self._building = url, postgres.in_schema(url, _BUILDING)

    async def look(self) -> There:
        async with postgres.snapshot(self._url) as found:
            held = await _held(found)
            return There("postgres", self._url.partition("?")[0], await found.revision(), held)

    async def begin(self, revision: str) -> None:
        async with postgres.filling(self._url) as target:
            if servers := await target.servers():
                raise BadBackup(f"{servers} connections of servers are there: stop every server first")
            await target.make_schema(_BUILDING)
        with named():
            await asyncio.to_thread(migrate.upgrade, self._building, revision)

    @asynccontextmanager
    async def filling(self) -> AsyncGenerator[Target]:
        async with postgres.filling(self._building) as target:
            yield target

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Snapshot]:
        async with postgres.snapshot(self._building) as found:
            yield found

    async def migrate(self) -> None:
        with named():
            await asyncio.to_thread(migrate.upgrade, self._building)

    async def put_in_place(self, now: datetime, there: There) -> str:
        aside = f"replaced_{now:%Y%m%d%H%M%S}"
        async with postgres.filling(self._url) as target:
            if await target.servers():
                raise BadBackup("a server has begun to work on the database meanwhile: stop it, and restore again")
            await target.put_in_place(_BUILDING, aside)
            if not there.holds:
                await target.drop_schema(aside)
        return f"schema {aside}" if there.holds else ""


def place_of(folder: Path, database: str) -> SqlitePlace | PostgresPlace:
    """The target that a data folder's settings name."""
    url = address.of(folder, database)
    return PostgresPlace(url) if address.is_postgres(url) else SqlitePlace(folder)
