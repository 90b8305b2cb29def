"""Every log there is, behind one small face, so that one contract test walks them all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.wire import Header, pack, read_header
from eventlog.log import Arrival, Entry, Log
from eventlog.memory import MemoryBatchLog, MemoryEventLog
from eventlog.postgres_batches import PostgresBatchLog
from eventlog.shards import shard_of
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_batches import SqliteBatchLog
from server.store import address, migrate
from tests.postgres import database, say

START = datetime(2026, 3, 1, tzinfo=UTC)
COMPLEX = "garden"


class Face:
    """``append_one`` puts one numbered record on the partition; ``number_of`` reads the number back."""

    def __init__(self, log: Any, partition: str) -> None:
        self.log: Log = log
        self.partition = partition


class EventFace(Face):
    async def append_one(self, writer: int, number: int) -> None:
        body = f'{{"w":{writer},"n":{number}}}'.encode()
        await self.log.append([Entry(self.partition, body)])  # type: ignore[attr-defined]

    def read_back(self, body: bytes) -> tuple[int, int]:
        import json

        found = json.loads(body)
        return found["w"], found["n"]


class BatchFace(Face):
    async def append_one(self, writer: int, number: int) -> None:
        packed = batch(f"gw-{writer}", number)
        await self.log.append([Arrival(read_header(packed), packed, COMPLEX)])  # type: ignore[attr-defined]

    def read_back(self, body: bytes) -> tuple[int, int]:
        header: Header = read_header(body)
        return int(header.gateway.removeprefix("gw-")), header.first

    def execute(self, sql: str) -> None:
        """One statement behind the log's back, for the logs that have SQL."""
        raise NotImplementedError


class SqliteBatchFace(BatchFace):
    path: Path

    def execute(self, sql: str) -> None:
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute(sql)


class PostgresBatchFace(BatchFace):
    url: str

    def execute(self, sql: str) -> None:
        say(self.url, sql)


def batch(gateway: str, first: int, count: int = 1, stream: str = "routine", epoch: str = "e1") -> bytes:
    """A batch of the least events there can be."""
    body = b'{"kind":"input","device":"x:1","recorded_at":"2026-03-01T00:00:00Z"}'
    return pack(gateway, stream, epoch, first, [body] * count)


Opened = AbstractAsyncContextManager[Face]


@asynccontextmanager
async def memory_events(_folder: Path) -> AsyncIterator[Face]:
    yield EventFace(MemoryEventLog(), "routine")


@asynccontextmanager
async def sqlite_events(folder: Path) -> AsyncIterator[Face]:
    log = await SqliteEventLog.open(folder / "log.db", "e1")
    yield EventFace(log, "routine")
    await log.close()


@asynccontextmanager
async def memory_batches(_folder: Path) -> AsyncIterator[Face]:
    yield BatchFace(MemoryBatchLog(), shard_of(COMPLEX))


@asynccontextmanager
async def sqlite_batches(folder: Path) -> AsyncIterator[Face]:
    path = folder / "centre.db"
    await asyncio.to_thread(migrate.upgrade, address.sqlite(path))
    log = await SqliteBatchLog.open(path, asyncio.Lock(), lambda: START)
    face = SqliteBatchFace(log, shard_of(COMPLEX))
    face.path = path
    yield face
    await log.close()


@asynccontextmanager
async def postgres_batches(_folder: Path) -> AsyncIterator[Face]:
    with database() as url:
        log = await PostgresBatchLog.open(url, lambda: START)
        face = PostgresBatchFace(log, shard_of(COMPLEX))
        face.url = url
        yield face
        await log.close()


LOGS: dict[str, Callable[[Path], Opened]] = {
    "memory events": memory_events,
    "sqlite events": sqlite_events,
    "memory batches": memory_batches,
    "sqlite batches": sqlite_batches,
    "postgres batches": postgres_batches,
}
SQL_BATCH_LOGS = ("sqlite batches", "postgres batches")
