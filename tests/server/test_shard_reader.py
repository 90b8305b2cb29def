"""A cursor is moved by one reader at a time: who was overtaken begins from the cursor, and nothing counts twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.wire import read_header
from eventlog.follow import DEFAULT_PACE, Pace, follow
from eventlog.log import Arrival, Record
from eventlog.memory import MemoryBatchLog
from eventlog.shards import shard_of
from server import shard_reader
from server.batches import Batch, Unpacker, facts_of
from server.shard_reader import Breath, Overtaken, ShardReader
from server.store import schema
from server.store.engine import Database
from server.store.one_writer import Rank
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


@asynccontextmanager
async def followed(log: MemoryBatchLog, reader: ShardReader, pace: Pace = DEFAULT_PACE) -> AsyncIterator[ShardReader]:
    following = asyncio.create_task(follow(log, SHARD, reader, lambda *_: None, pace))
    try:
        yield reader
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


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


class Choosy(Counting):
    """A fold that only every tenth record concerns."""

    async def concerns(self, connection: AsyncConnection, batches: Sequence[Batch]) -> bool:
        return any(one.position % 10 == 0 for one in batches)


async def kept(db: Database) -> int:
    async with db.read() as connection:
        query = select(schema.cursor.c.position).where(schema.cursor.c.reader == Counting.name)
        return (await connection.execute(query)).scalar() or 0


async def cursors(db: Database, *, is_busy: bool) -> list[int]:
    """Where the cursor stands after each of thirteen records that are taken singly."""
    reader = ShardReader(Choosy(), db, Unpacker(), is_busy=lambda: is_busy)
    await reader.position(SHARD)
    found = list[int]()
    for record in await (await filled(13)).read(SHARD, 0, 100):
        assert await reader.take(SHARD, [record]) == record.position
        found.append(await kept(db))
    return found


@pytest.mark.parametrize(
    ("is_busy", "expected"),
    [(True, [1] * 9 + [10] * 4), (False, list(range(1, 14)))],
    ids=["while much comes in", "the control: each is kept"],
)
async def test_records_of_no_concern_move_the_cursor_only_with_the_next_effect(
    db: Database, monkeypatch: pytest.MonkeyPatch, is_busy: bool, expected: list[int]
) -> None:
    monkeypatch.setattr(shard_reader, "_KEEP_EVERY_S", 3_600.0)
    assert await cursors(db, is_busy=is_busy) == expected


async def test_a_cursor_that_passed_by_is_kept_once_there_is_nothing_to_take(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_reader, "_KEEP_EVERY_S", 3_600.0)
    reader = ShardReader(Choosy(), db, Unpacker(), is_busy=lambda: True)
    async with followed(await filled(9), reader, Pace(limit=1, poll_s=0.01)):
        await until(lambda: reader._at.get(SHARD) == 9)  # pyright: ignore[reportPrivateUsage]
        assert await kept(db) == 1
        monkeypatch.setattr(shard_reader, "_KEEP_EVERY_S", 0.0)
        async with asyncio.timeout(10):
            while await kept(db) != 9:
                await asyncio.sleep(0.01)


async def test_who_passed_by_and_was_overtaken_has_no_effect(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_reader, "_KEEP_EVERY_S", 3_600.0)
    one, other = (ShardReader(Choosy(), db, Unpacker(), is_busy=lambda: True) for _ in range(2))
    records = await (await filled(10)).read(SHARD, 0, 100)
    assert await one.position(SHARD) == 0
    await one.take(SHARD, records[:1])
    await one.take(SHARD, records[1:9])
    assert await other.position(SHARD) == 1, "from where the cursor is kept: what it passes by again has no effect"
    await other.take(SHARD, records[1:])
    with pytest.raises(Overtaken, match="stands at 10"):
        await one.take(SHARD, records[9:])
    assert await counted(db) == 10


async def order_of_turns(db: Database, rank: Rank) -> list[str]:
    """Who writes in which order, where a cursor is to be settled while others wait."""
    reader, came = ShardReader(Counting(), db, Unpacker(), rest=Breath(lambda: False, rank=rank)), list[str]()
    reader._at[SHARD] = await reader.position(SHARD) + 5  # pyright: ignore[reportPrivateUsage] - it passed by five

    async def another() -> None:
        async with db.write(shard=SHARD):
            came.append("another")

    async def settled() -> None:
        await reader.settle(SHARD)
        came.append("settled")

    async with db.write(shard=SHARD):
        tasks = [asyncio.create_task(work()) for work in (another, another, another, settled)]
        for _ in range(50):  # until all four wait
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return came


async def test_a_reader_of_alarms_does_not_wait_behind_all_others_to_keep_its_cursor(db: Database) -> None:
    """An alarm that comes meanwhile waits for the reader: the stall that this was once lasted half a minute."""
    assert (await order_of_turns(db, "first")).index("settled") <= 1
    assert (await order_of_turns(db, "last"))[-1] == "settled", "the control: as of lowest rank"


class Deaf(Breath):
    """The broken pause: it breathes whether there was more to read or not."""

    async def after(self, work_s: float, partition: str, is_more: bool = False) -> None:
        await super().after(work_s, partition)


async def test_what_is_urgent_behind_more_than_is_read_at_once_sits_out_no_breath(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bell for it rang already when the first few were taken: the rest must be looked at without a pause."""
    monkeypatch.setattr(shard_reader, "_MOST_RECORDS", 4)
    log = await filled(9)
    deaf, breath = (kind(lambda: True, pause_s=3_600.0) for kind in (Deaf, Breath))
    async with followed(log, ShardReader(Counting(), db, Unpacker(), rest=deaf)) as reader:
        await until(lambda: reader._at.get(SHARD) == 4)  # pyright: ignore[reportPrivateUsage]
        for _ in range(50):
            await asyncio.sleep(0)
        assert await counted(db) == 4, "the control: it sits out the breath"
    async with followed(log, ShardReader(Counting(), db, Unpacker(), rest=breath)) as reader:
        await until(lambda: reader._at.get(SHARD) == 9)  # pyright: ignore[reportPrivateUsage]
    assert await counted(db) == 9
