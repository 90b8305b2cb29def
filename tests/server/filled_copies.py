"""Filled cities for tests: one is filled and copied, for filling takes longer than most tests do."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from server.bootstrap import close_house, open_house
from server.config import Config
from tests import postgres
from tests.server.engines import Engine, migrated
from tests.server.filled import fill_city

_FRESH_S = 15.0  # what it says happened "3 seconds ago" did so no longer ago than a slow test would have it


class _Filled(NamedTuple):
    folder: Path
    database: str
    at_s: float
    stack: ExitStack


_kept: dict[str, _Filled] = {}


@asynccontextmanager
async def filled(folder: Path, engine: Engine) -> AsyncIterator[str]:
    """What a server's settings name: a database of one's own that ``fill_city`` has filled, its pictures beside it."""
    source = await _fresh(engine)
    shutil.copytree(source.folder, folder, dirs_exist_ok=True)
    with postgres.copy_of(source.database) if source.database else contextlib.nullcontext("") as database:
        yield database


async def _fresh(engine: Engine) -> _Filled:
    known = _kept.get(engine.name)
    if known is None or time.monotonic() - known.at_s > _FRESH_S:
        if known is not None:
            atexit.unregister(known.stack.close)
            known.stack.close()
        known = _kept[engine.name] = await _made(engine)
    return known


async def _made(engine: Engine) -> _Filled:
    stack = ExitStack()
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-filled-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    database = stack.enter_context(migrated(folder, engine))
    house = await open_house(folder, Config(database=database))
    try:
        await fill_city(house)
    finally:
        await close_house(house)
    atexit.register(stack.close)  # here: before the server of PostgreSQL, which is there now, is ended
    return _Filled(folder, database, time.monotonic(), stack)
