"""Which engines the centre's tests run on: both, or the one that GATEHOUSE_ENGINE names."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from server.store import address, migrate
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


@contextmanager
def migrated(folder: Path, engine: Engine) -> Iterator[str]:
    """What a server's settings name: a database with every table and no row, made without running all migrations."""
    with engine.database() as url:
        if not url:
            folder.mkdir(exist_ok=True, mode=0o700)
            shutil.copyfile(_template(), folder / address.FILE)
        yield url


@functools.cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with ThreadPoolExecutor(1) as thread:  # as for PostgreSQL: a test may have an event loop
        thread.submit(migrate.upgrade, address.sqlite(folder / address.FILE)).result()
    return folder / address.FILE


@asynccontextmanager
async def open_database(folder: Path, engine: Engine) -> AsyncIterator[Database]:
    """A database of its own, without a server."""
    with migrated(folder, engine) as url:
        db = Database(address.of(folder, url))
        yield db
        await db.close()
