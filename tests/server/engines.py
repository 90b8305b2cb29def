"""Which engines the centre's tests run on: both, or the one that GATEHOUSE_ENGINE names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from server.store import address, schema
from server.store.engine import Database
from tests import postgres


class Engine(NamedTuple):
    """``database`` makes a database, for a while, and gives what a server's settings name for it."""

    name: str
    database: Callable[[], AbstractContextManager[str]]


@contextmanager
def _in_the_folder() -> Iterator[str]:
    yield ""


SQLITE = Engine("sqlite", _in_the_folder)
POSTGRES = Engine("postgres", postgres.database)
_ENGINES = {engine.name: engine for engine in (SQLITE, POSTGRES)}


def chosen() -> list[Engine]:
    name = os.environ.get("GATEHOUSE_ENGINE", "")
    if name and name not in _ENGINES:
        raise pytest.UsageError(f"GATEHOUSE_ENGINE={name}: there are {', '.join(_ENGINES)}")
    return [_ENGINES[name]] if name else list(_ENGINES.values())


@asynccontextmanager
async def open_database(folder: Path, engine: Engine) -> AsyncIterator[Database]:
    """An empty database with every table, without a server."""
    with engine.database() as url:
        db = Database(address.of(folder, url))
        if not url:
            async with db.write() as connection:
                await connection.run_sync(schema.metadata.create_all)
        yield db
        await db.close()
