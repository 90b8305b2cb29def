"""The edge's log: repeats, its epoch, the caller's own rows in the same transaction, and what a failure leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eventlog.log import Entry, LogBroken
from eventlog.sqlite import OwnTables, SqliteEventLog

NOTES = "CREATE TABLE IF NOT EXISTS note(text TEXT NOT NULL UNIQUE);"


def entry(number: int, stream: str = "routine", fact: bytes | None = None) -> Entry:
    return Entry(stream, f'{{"n":{number}}}'.encode(), fact)


async def test_a_repeat_gets_no_sequence_and_leaves_no_gap(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    same = b"f" * 16
    assert await log.append([entry(1, fact=same), entry(2, fact=same), entry(3)]) == [1, None, 2]
    assert await log.append([entry(4, "urgent", same), entry(5, "urgent")]) == [None, 1]
    assert [record.position for record in await log.read("routine", 0, 10)] == [1, 2]
    await log.close()


async def test_streams_count_apart_and_survive_a_reopening_with_their_epoch(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([entry(1), entry(2, "money"), entry(3, "money")])
    await log.close()
    log = await SqliteEventLog.open(tmp_path / "log.db", "e2")
    assert [await log.head(name) for name in ("urgent", "money", "routine")] == [0, 2, 1]
    assert await log.epoch("money") == "e1"
    assert await log.append([entry(4, "money")]) == [3]
    await log.close()


async def test_the_callers_rows_come_and_go_with_the_events(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1", OwnTables(NOTES))
    insert = "INSERT INTO note(text) VALUES(?)"
    await log.append([entry(1)], [(insert, [("a",)])])
    with pytest.raises(LogBroken):
        await log.append([entry(2)], [(insert, [("b",), ("a",)])])
    assert await log.query("SELECT text FROM note") == [("a",)]
    assert len(await log.read("routine", 0, 10)) == 1
    assert await log.append([entry(3)]) == [2], "what was undone took no sequence"
    await log.close()


async def test_two_processes_may_append_in_turn(tmp_path: Path) -> None:
    one = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    other = await SqliteEventLog.open(tmp_path / "log.db", "e2")
    assert await one.append([entry(1)]) == [1]
    assert await other.append([entry(2)]) == [2]
    assert await one.append([entry(3)]) == [3]
    await one.close()
    await other.close()


async def test_commits_reach_the_disk(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    assert await log._writer.execute_fetchall("PRAGMA synchronous") == [(2,)]  # 2 is FULL
    assert await log._writer.execute_fetchall("PRAGMA journal_mode") == [("wal",)]
    await log.close()


async def test_a_cancelled_append_leaves_no_transaction_open(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    for steps in range(40):
        appending = asyncio.create_task(log.append([entry(number) for number in range(50)]))
        for _ in range(steps):
            await asyncio.sleep(0)
        appending.cancel()
        await asyncio.wait([appending])
        before = await log.head("routine")
        assert await log.append([entry(1)]) == [before + 1]
    await log.close()
