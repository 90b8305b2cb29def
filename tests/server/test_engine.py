"""Transactions on both engines: one at a time where it is promised, snapshots, and what happens when it goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from eventlog.shards import SHARD_NAMES, shard_of
from server.store import live_rows, schema
from server.store.engine import Database
from server.store.failures import DatabaseBusy, NotStorable
from tests.server.engines import POSTGRES, Engine, chosen, open_database

only_postgres = pytest.mark.parametrize("engine", [engine for engine in chosen() if engine is POSTGRES], indirect=True)
_WAITING = text("""SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted""")
_END_OTHERS = text("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()""")


@pytest.fixture
async def db(tmp_path: Path, engine: Engine) -> AsyncIterator[Database]:
    async with open_database(tmp_path, engine) as made:
        yield made


async def read_count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(schema.mark.c.last))).scalar_one()


async def begin_count(db: Database) -> None:
    async with db.write() as connection:
        row = {"gateway": "gw", "stream": "routine", "epoch": "e1", "last": 0}
        await connection.execute(schema.mark.insert().values(**row))


async def add_one(db: Database, shard: str | None, met: asyncio.Barrier | None = None) -> None:
    """Read, then write what was read and one more: right only where nobody else does so in between."""
    async with db.write(shard=shard) as connection:
        last = await read_count(connection)
        if met is not None:
            await met.wait()
        await connection.execute(schema.mark.update().values(last=last + 1))


@pytest.mark.parametrize("shard", [None, "3"])
async def test_in_a_turn_one_writes_at_a_time_over_processes(db: Database, shard: str | None) -> None:
    await begin_count(db)
    other = Database(db.url)  # as another process has it
    async with asyncio.timeout(20):
        await asyncio.gather(*(add_one(one, shard) for one in (db, other) for _ in range(10)))
    async with other.read() as connection:
        assert await read_count(connection) == 20
    await other.close()


@only_postgres
async def test_shards_do_not_wait_for_each_other(db: Database) -> None:
    """And the control of the test before: what is done in two turns at once is lost."""
    await begin_count(db)
    met = asyncio.Barrier(3)
    async with asyncio.timeout(20):
        await asyncio.gather(*(add_one(db, shard, met) for shard in ("3", "4", None)))
    async with db.read() as connection:
        assert await read_count(connection) == 1


@only_postgres
async def test_a_complex_has_the_turn_of_its_shard(db: Database) -> None:
    await begin_count(db)
    other = Database(db.url)
    async with asyncio.timeout(20):
        async with db.write("garden"):
            waiting = asyncio.create_task(add_one(other, shard_of("garden")))
            await until(lambda: is_done_or_waits(db, waiting))
            assert not waiting.done()
        await waiting
    await other.close()


@only_postgres
@pytest.mark.parametrize("shard", [None, *SHARD_NAMES])
async def test_who_writes_alone_has_all_others_wait(db: Database, shard: str | None) -> None:
    await begin_count(db)
    other = Database(db.url)
    async with asyncio.timeout(20):
        async with db.write_alone() as connection:
            waiting = asyncio.create_task(add_one(other, shard))
            await until(lambda: is_done_or_waits(db, waiting))
            assert not waiting.done()
            await connection.execute(schema.mark.update().values(last=100))
        await waiting
    async with db.read() as connection:
        assert await read_count(connection) == 101
    await other.close()


async def test_reading_is_of_one_moment(db: Database) -> None:
    await begin_count(db)
    async with db.read() as connection:
        before = await read_count(connection)
        await add_one(db, None)
        assert await read_count(connection) == before == 0


async def test_an_exception_undoes_it(db: Database) -> None:
    await begin_count(db)
    with pytest.raises(KeyError):
        async with db.write() as connection:
            await connection.execute(schema.mark.update().values(last=7))
            raise KeyError
    async with db.read() as connection:
        assert await read_count(connection) == 0


async def seen_by_a_reader_with_a_cursor(db: Database) -> list[str]:
    """What it sees of two announcements in two turns, the first of which is committed last."""
    announced, commit = asyncio.Event(), asyncio.Event()
    seen: list[str] = []
    cursor = 0

    async def slow() -> None:
        async with db.write(shard="1") as connection:
            await live_rows.announce(connection, "garden", "alert", "first", "")
            announced.set()
            await commit.wait()

    async def quick() -> None:
        async with db.write(shard="2") as connection:
            await live_rows.announce(connection, "river", "alert", "second", "")

    async def look() -> None:
        nonlocal cursor
        async with db.read() as connection:
            for row in await live_rows.behind(connection, cursor, 10):
                seen.append(row.ref)
                cursor = row.position

    first = asyncio.create_task(slow())
    await announced.wait()
    second = asyncio.create_task(quick())
    await until(lambda: is_done_or_waits(db, second))
    await look()
    commit.set()
    await asyncio.gather(first, second)
    await look()
    return seen


async def is_done_or_waits(db: Database, task: asyncio.Task[None]) -> bool:
    async with db.read() as connection:
        return task.done() or (await connection.execute(_WAITING)).scalar_one() > 0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.01)


@only_postgres
async def test_positions_on_screens_become_visible_in_order(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_lock(_: AsyncConnection) -> None: ...

    assert await seen_by_a_reader_with_a_cursor(db) == ["first", "second"]
    async with db.write() as connection:
        await live_rows.trim(connection, 10)
    monkeypatch.setattr(live_rows, "lock_live", no_lock)
    assert await seen_by_a_reader_with_a_cursor(db) == ["second"], "the control: the first is never seen"


@only_postgres
async def test_a_reader_writes_nothing(db: Database) -> None:
    await begin_count(db)
    with pytest.raises(DatabaseBusy, match="read-only"):
        async with db.read() as connection:
            await connection.execute(schema.mark.delete())


async def heard_of_its_end(pooled: Any) -> None:
    """Between the last word of its server and the end of the line a connection looks whole: until it does not."""
    async with asyncio.timeout(10):
        while not pooled.is_closed():
            await asyncio.sleep(0.01)


@only_postgres
async def test_connections_that_were_broken_off_are_replaced_by_themselves(db: Database) -> None:
    await begin_count(db)
    async with db.write() as connection:
        pooled = (await connection.get_raw_connection()).driver_connection
    await add_one(db, None)
    other = Database(db.url)
    async with other.read() as connection:
        ended = (await connection.execute(_END_OTHERS)).all()
    await other.close()
    assert len(ended) >= 1
    await heard_of_its_end(pooled)
    await add_one(db, None)
    async with db.read() as connection:
        assert await read_count(connection) == 2


@only_postgres
async def test_a_connection_that_breaks_in_the_middle_is_said_so_and_undone(db: Database) -> None:
    await begin_count(db)
    other = Database(db.url)
    with pytest.raises(DatabaseBusy):
        async with db.write() as connection:
            await connection.execute(schema.mark.update().values(last=7))
            async with other.read() as killer:
                await killer.execute(_END_OTHERS)
            await read_count(connection)
    await other.close()
    await add_one(db, None)
    async with db.read() as connection:
        assert await read_count(connection) == 1


async def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    away = Database(f"postgresql://gatehouse@/gatehouse?host={tmp_path}")
    with pytest.raises(DatabaseBusy, match="cannot be reached"):
        async with away.write():
            pass
    with pytest.raises(DatabaseBusy, match="cannot be reached"):
        async with away.read() as connection:
            await connection.execute(text("SELECT 1"))
    await away.close()


@only_postgres
async def test_a_text_that_cannot_be_kept_is_named(db: Database) -> None:
    with pytest.raises(NotStorable):
        async with db.read() as connection:
            await connection.execute(select(schema.account).where(schema.account.c.username == "a\x00"))
