"""A record that a fold cannot take: everything before it is taken, it is named, and a person may set it aside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.wire import BadBatch
from eventlog.log import Record
from eventlog.memory import MemoryBatchLog
from server.batches import Batch, Unpacker
from server.rebuild import rebuild
from server.shard_reader import ShardReader, save_cursor
from server.store import reader_rows
from server.store.engine import Database
from server.store.reader_rows import NotWaiting, Waits
from tests.server.engines import Engine, open_database
from tests.server.test_shard_reader import SHARD, Counting, counted, filled

COUNT, POISON = 10, 6
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Picky(Counting):
    """Counts, and cannot take the record at one position."""

    tables = ()

    def __init__(self, poison: int = POISON) -> None:
        self.poison = poison

    async def fold(self, connection: AsyncConnection, batches: Sequence[Batch]) -> None:
        await super().fold(connection, batches)
        if self.poison in [batch.position for batch in batches]:
            raise ZeroDivisionError("not this one\0")


@pytest.fixture
async def db(tmp_path: Path, engine: Engine) -> AsyncIterator[Database]:
    async with open_database(tmp_path, engine) as made:
        yield made


async def take_all(reader: ShardReader, log: MemoryBatchLog, tries: int = 30) -> int:
    """As ``follow`` does, without its pauses, until there is nothing left or it has failed twice at one place."""
    failed, position = list[int](), await reader.position(SHARD)
    for _ in range(tries):
        records: list[Record] = await log.read(SHARD, position, 100)
        if not records or failed.count(position) == 2:
            break
        try:
            position = await reader.take(SHARD, records)
        except (ZeroDivisionError, BadBatch):
            failed.append(position)
            position = await reader.position(SHARD)
    return position


async def waiting(db: Database) -> list[Waits]:
    async with db.read() as connection:
        return await reader_rows.waits(connection)


async def test_it_takes_all_before_the_record_and_waits_there(db: Database) -> None:
    reader, log = ShardReader(Picky(), db, Unpacker()), await filled(COUNT)
    assert await take_all(reader, log) == POISON - 1 == await counted(db)
    (found,) = await waiting(db)
    assert (found.reader, found.shard, found.position, found.attempts) == ("counting", SHARD, POISON, 2)
    assert "ZeroDivisionError" in found.error


async def test_what_was_mended_is_taken_and_the_wait_is_over(db: Database) -> None:
    fold, log = Picky(), await filled(COUNT)
    await take_all(ShardReader(fold, db, Unpacker()), log)
    fold.poison = 0
    assert await take_all(ShardReader(fold, db, Unpacker()), log) == COUNT == await counted(db)
    assert await waiting(db) == []


async def test_a_damaged_record_is_waited_at_alone(db: Database) -> None:
    log = await filled(COUNT)
    records: list[Record] = await log.read(SHARD, 0, COUNT)
    records[POISON - 1] = msgspec.structs.replace(records[POISON - 1], body=b"GHB1 and then nothing")
    reader = ShardReader(Counting(), db, Unpacker())
    assert await reader.take(SHARD, records) == POISON - 1
    with pytest.raises(BadBatch):
        await reader.take(SHARD, records[POISON - 1 :])
    assert [one.position for one in await waiting(db)] == [POISON]


async def test_set_aside_it_is_passed_by_and_listed(db: Database) -> None:
    fold, log = Picky(), await filled(COUNT)
    await take_all(ShardReader(fold, db, Unpacker()), log)
    async with db.write(shard=SHARD) as connection:
        with pytest.raises(NotWaiting):
            await reader_rows.keep_aside(connection, "counting", SHARD, POISON + 1, "x", "wang", NOW)
        await reader_rows.keep_aside(connection, "counting", SHARD, POISON, "a device on trial", "wang", NOW)
        await save_cursor(connection, "counting", SHARD, POISON)
    assert await take_all(ShardReader(fold, db, Unpacker()), log) == COUNT
    assert (await counted(db), await waiting(db)) == (COUNT - 1, [])
    async with db.read() as connection:
        (kept,) = await reader_rows.were_set_aside(connection)
    assert (kept.position, kept.reason, kept.by) == (POISON, "a device on trial", "wang")
    assert (await rebuild(fold, db, log)).records == COUNT, "a rebuild passes by it too"


async def test_since_when_and_how_often(db: Database) -> None:
    async with db.write(shard=SHARD) as connection:
        for minutes, position in ((0, 3), (1, 3), (2, 3), (3, 9)):
            at = NOW + timedelta(minutes=minutes)
            await reader_rows.note(connection, "doors", SHARD, position, "x", at)
            (found,) = await reader_rows.waits(connection)
            since = NOW if position == 3 else at
            assert (found.since, found.seen_at, found.position) == (since, at, position)
    assert found.attempts == 1
