"""SQLite's cursor in one call: the same answers as the library's own, and others have their turn between statements."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from server.store import address, one_way
from server.store.engine import Database

MAKE = text("CREATE TABLE IF NOT EXISTS one(id INTEGER PRIMARY KEY, word TEXT UNIQUE)")
PUT = text("INSERT INTO one(word) VALUES(:word)")


async def _answers(engine: AsyncEngine, hastened: bool) -> list[Any]:
    """What each kind of statement gives back."""
    found: list[Any] = []
    async with engine.begin() as connection:
        await connection.execute(MAKE)
        if hastened:
            await one_way.hasten(connection)
        found += await _asked(connection)
    return found


async def _asked(connection: Any) -> list[Any]:
    returned = (await connection.execute(text("INSERT INTO one(word) VALUES('a') RETURNING id, word"))).all()
    many = (await connection.execute(PUT, [{"word": word} for word in "bcd"])).rowcount
    last = (await connection.execute(PUT, {"word": "e"})).lastrowid
    changed = (await connection.execute(text("UPDATE one SET word = word || '!' WHERE id > 2"))).rowcount
    rows = await connection.execute(text("SELECT id, word FROM one ORDER BY id"))
    keys, first, rest = list(rows.keys()), rows.fetchone(), rows.fetchmany(2)
    streamed = [row async for row in await connection.stream(text("SELECT word FROM one ORDER BY id"))]
    with pytest.raises(IntegrityError) as refused:
        await connection.execute(PUT, {"word": "a"})
    return [returned, many, last, changed, keys, first, rest, streamed, str(refused.value.orig)]


@pytest.mark.parametrize("hastened", [False, True], ids=["one way", "none"])
async def test_it_answers_as_the_librarys_own_does(hastened: bool, tmp_path: Path) -> None:
    theirs = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'theirs.db'}")
    ours = create_async_engine(f"{one_way.SCHEME}:///{tmp_path / 'ours.db'}")
    assert await _answers(ours, hastened) == await _answers(theirs, False)
    await theirs.dispose()
    await ours.dispose()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(address.sqlite(tmp_path / "one.db"))
    async with made.write() as connection:
        await connection.execute(MAKE)
    yield made
    await made.close()


@pytest.mark.parametrize(("rows", "at_once", "here"), [(5, True, True), (5, False, False), (500, True, False)])
async def test_only_what_is_small_and_asked_for_runs_in_our_own_thread(
    db: Database, rows: int, at_once: bool, here: bool
) -> None:
    ran: set[int] = set()
    async with db.write(at_once=at_once) as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw._execute(lambda: raw._conn.set_trace_callback(lambda _: ran.add(threading.get_ident())))
        await connection.execute(PUT, [{"word": str(number)} for number in range(rows)])
        seen = set(ran)
        await raw._execute(lambda: raw._conn.set_trace_callback(None))
    assert (threading.get_ident() in seen) is here
    async with db.read(at_once=at_once) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM one"))).scalar() == rows


async def test_a_transaction_run_at_once_is_undone_whole_and_the_next_is_not_at_once(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.write(at_once=True) as connection:
            await connection.execute(PUT, {"word": "gone"})
            _ = 1 / 0
    async with db.write() as connection:
        raw: Any = (await connection.get_raw_connection()).dbapi_connection
        assert not raw.is_at_once
        assert (await connection.execute(text("SELECT count(*) FROM one"))).scalar() == 0


async def test_who_waits_has_a_turn_between_many_statements(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _turns(db) > 5
    monkeypatch.setattr(one_way, "_TURN_S", 3_600.0)
    assert await _turns(db) <= 5, "the control: without a breath nobody has one"


async def _turns(db: Database) -> int:
    """How often another task came on while two thousand statements ran."""
    turns, is_over = 0, False

    async def other() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    async with db.write(at_once=True) as connection:
        task = asyncio.create_task(other())
        before = turns
        for number in range(2_000):
            await connection.execute(text("SELECT :number"), {"number": number})
        came = turns - before
    is_over = True
    await task
    return came


async def test_of_a_transaction_at_once_only_the_commit_goes_the_way(db: Database) -> None:
    async with db.write() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
    went, their_way = list[str](), raw._execute

    async def noted(call: Any, *args: Any) -> Any:
        went.append(call.__name__)
        return await their_way(call, *args)

    raw._execute = noted
    for at_once, calls in ((True, ["commit"]), (False, ["_run_whole", "_run_whole", "commit"])):
        async with db.write(at_once=at_once) as connection:
            await connection.execute(PUT, {"word": str(at_once)})
        assert went == calls
        went.clear()


async def test_a_beginning_that_another_process_hinders_holds_up_nobody(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(tmp_path / "one.db", isolation_level=None, check_same_thread=False)
    assert await _turns_while_hindered(db, other) > 5
    monkeypatch.setattr(one_way._Connection, "begins_unhindered", _begun_here)
    assert await _turns_while_hindered(db, other) <= 5, "the control: who waits in this thread holds up all"
    other.close()


async def test_a_read_at_once_waits_for_no_long_ones(db: Database) -> None:
    async with AsyncExitStack() as long_ones:
        for _ in range(8):  # as many connections as there are to read with
            await long_ones.enter_async_context(db.read())
        assert await _read_within(db, 10.0, at_once=True)
        assert not await _read_within(db, 0.3, at_once=False), "the control: with them it waits until one is over"


async def _read_within(db: Database, seconds: float, *, at_once: bool) -> bool:
    try:
        async with asyncio.timeout(seconds), db.read(at_once=at_once) as connection:
            return (await connection.execute(text("SELECT 1"))).scalar() == 1
    except TimeoutError:
        return False


def _begun_here(connection: Any) -> bool:
    connection._connection._conn.execute(one_way.BEGIN_TO_WRITE)
    return True


async def _turns_while_hindered(db: Database, other: sqlite3.Connection) -> int:
    """How often another task came on until a transaction began that another process held up for a fifth of a second."""
    turns = 0

    async def write() -> None:
        async with db.write(at_once=True) as connection:
            await connection.execute(PUT, {"word": str(time.monotonic_ns())})

    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.2, other.execute, ["COMMIT"])
    letting_go.start()
    task = asyncio.create_task(write())
    while not task.done():
        turns += 1
        await asyncio.sleep(0.01)
    await task
    letting_go.join()
    return turns


@asynccontextmanager
async def counted_turns() -> AsyncIterator[Callable[[], int]]:
    """How often the loop came round."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    yield lambda: turns
    counting.cancel()


@pytest.mark.parametrize("kind", ["read at once", "written"])
async def test_a_connection_goes_back_without_a_turn_of_the_loop(kind: str, db: Database) -> None:
    engine = db._transactions.engines()["write"]  # type: ignore[attr-defined]

    async def turns_to_give_back(way: Any) -> int:
        async with counted_turns() as turns:
            async with way as connection:
                if kind == "written":
                    async with connection.begin():
                        await connection.execute(PUT, {"word": str(time.monotonic_ns())})
                else:
                    await connection.execute(text("SELECT 1"))
                before = turns()
            return turns() - before

    assert await turns_to_give_back(one_way.lent(engine, at_once=kind == "read at once")) == 0
    assert await turns_to_give_back(engine.connect()) > 0, "the control: the library's own way"


async def test_who_is_cancelled_gives_the_connection_back_whole(db: Database) -> None:
    begun, pool = asyncio.Event(), db.pools()["write"]

    async def write() -> None:
        async with db.write() as connection:
            await connection.execute(PUT, {"word": "never"})
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool.checkedin() == 1  # type: ignore[attr-defined]
    async with db.write() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM one"))).scalar() == 0


def test_the_scheme_is_known_by_its_name() -> None:
    engine = create_async_engine(address.for_engine("sqlite:///x.db"))
    assert isinstance(engine.dialect, one_way.OneWay)
