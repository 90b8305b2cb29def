"""A cursor is moved by one reader at a time: who was overtaken begins from the cursor, and nothing counts twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.wire import read_header
from eventlog.follow import Pace, follow
from eventlog.log import Arrival, Record
from eventlog.memory import MemoryBatchLog
from eventlog.shards import shard_of
from server.batches import Batch, Unpacker, facts_of
from server.shard_reader import Overtaken, ShardReader
from server.store import schema
from server.store.engine import Database
from server.store.upsert import insert
from tests.eventlog.logs import COMPLEX, batch
from tests.rig import until
from tests.server.engines import Engine, open_database

SHARD = shard_of(COMPLEX)
COUNTED = {"gateway": "counted", "stream": "routine", "epoch": "e1"}


class Counting:
    """A fold that counts every fact again: it has nothing but the cursor to rely on."""

    name = "counting"

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        statement = insert(schema.mark).values(**COUNTED, last=len(facts_of(batches)))
        added = {"last": schema.mark.c.last + statement.excluded.last}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["gateway", "stream", "epoch"], set_=added)
        )


class Careless(ShardReader):
    """The broken reader: it writes its cursor without a look at where that is."""

    async def _stand(self, connection: AsyncConnection, partition: str) -> None:
        return


class Dated(MemoryBatchLog):
    """Its records say when they came, as the centre's own do."""

    async def read(self, partition: str, after: int, limit: int) -> list[Record]:
        records = await super().read(partition, after, limit)
        return [msgspec.structs.replace(record, received_at="2026-03-01T00:00:00.000Z") for record in records]


@pytest.fixture
async def db(tmp_path: Path, engine: Engine) -> AsyncIterator[Database]:
    async with open_database(tmp_path, engine) as made:
        yield made


async def counted(db: Database) -> int:
    async with db.read() as connection:
        query = select(schema.mark.c.last).where(schema.mark.c.gateway == COUNTED["gateway"])
        return (await connection.execute(query)).scalar() or 0


async def filled(count: int) -> MemoryBatchLog:
    log = Dated()
    for first in range(1, count + 1):
        packed = batch("gw-1", first)
        await log.append([Arrival(read_header(packed), packed, COMPLEX)])
    return log


async def two_take_the_same(db: Database, kind: type[ShardReader]) -> None:
    """Both read the cursor; one takes everything; the other, which stood still meanwhile, takes it then."""
    records: list[Record] = await (await filled(10)).read(SHARD, 0, 100)
    one, other = (kind(Counting(), db, Unpacker()) for _ in range(2))
    assert await one.position(SHARD) == await other.position(SHARD) == 0
    assert await one.take(SHARD, records) == 10
    await other.take(SHARD, records)


async def test_who_was_overtaken_takes_nothing(db: Database) -> None:
    with pytest.raises(Overtaken, match="stands at 10"):
        await two_take_the_same(db, ShardReader)
    assert await counted(db) == 10


async def test_control_without_a_look_at_the_cursor_everything_counts_twice(db: Database) -> None:
    await two_take_the_same(db, Careless)
    assert await counted(db) == 20


async def test_two_that_follow_at_once_count_each_record_once(db: Database) -> None:
    log, pace = await filled(60), Pace(limit=1, poll_s=0.01, retry_s=lambda _: 0.01)
    readers = [ShardReader(Counting(), db, Unpacker()) for _ in range(2)]
    following = [asyncio.create_task(follow(log, SHARD, reader, lambda *_: None, pace)) for reader in readers]
    try:
        await until(lambda: sum(reader._at.get(SHARD) == 60 for reader in readers))  # pyright: ignore[reportPrivateUsage]
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    assert await counted(db) == 60
