"""The edge's log: repeats, its epoch, the caller's own rows in the same transaction, and what a failure leaves."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog.log import Entry, LogBroken, LogCorrupt, Span
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


async def tallies(log: SqliteEventLog) -> list[tuple[int, ...]]:
    rows = await log.query("SELECT day, produced, trimmed, dropped FROM tally WHERE stream = 'routine' ORDER BY day")
    return [tuple(row) for row in rows]


async def test_every_record_is_counted_under_its_day_and_so_is_its_going(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([Entry("routine", b"{}", day=1 + number // 4) for number in range(12)])
    await log.trim("routine", 5)
    await log.drop("routine", 9)
    assert await tallies(log) == [(1, 4, 4, 0), (2, 4, 1, 3), (3, 4, 0, 1)]
    held = await log.query("SELECT day, count(*) FROM record GROUP BY day")
    assert held == [(3, 3)], "produced = held + trimmed + dropped"
    assert await log.holes("routine", 1, 12) == [Span(1, 5, "trimmed"), Span(6, 9, "capacity")]
    await log.close()


async def test_a_repeat_is_not_counted(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([Entry("routine", b"{}", b"f" * 16, 1), Entry("routine", b"{}", b"f" * 16, 1)])
    assert await tallies(log) == [(1, 1, 0, 0)]
    await log.close()


async def test_a_damaged_record_is_passed_over_and_told(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([entry(number) for number in range(1, 6)])
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("UPDATE record SET body = CAST('{\"n\":9}' AS BLOB) WHERE key & 0xffff IN (2, 3)")
    assert [record.position for record in await log.read("routine", 0, 10)] == [1, 4, 5]
    assert [record.position for record in await log.read("routine", 1, 2)] == [4, 5], "no reader stops before it"
    assert await log.holes("routine", 1, 5) == [Span(2, 3, "unreadable")]
    await log.close()


async def test_room_goes_back_to_the_disk(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    for _ in range(20):
        await log.append([Entry("routine", b"x" * 2_000) for _ in range(200)])
    await log.trim("routine", 3_900)
    while await log.reclaim():
        pass
    assert (tmp_path / "log.db").stat().st_size < 1_500_000, "of eight megabytes"
    assert await log.used_bytes() < 1_000_000
    await log.close()


async def test_a_record_under_a_number_that_is_not_its_own_is_no_record_and_a_new_epoch_gives_all_others_theirs(
    tmp_path: Path,
) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([entry(number) for number in range(1, 10)])
    await log.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("UPDATE record SET key = key + 16 WHERE key = (2 << 48) + 4")  # a flipped bit
        db.execute("UPDATE stream SET head = 20 WHERE name = 'routine'")
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    sound = [1, 2, 3, 5, 6, 7, 8, 9]
    assert [record.position for record in await log.read("routine", 0, 99)] == sound
    await log.trim("routine", 2)
    assert await log.begin_epoch("routine", "e2") == 18
    assert [record.position for record in await log.read("routine", 0, 99)] == [sequence - 2 for sequence in sound[2:]]
    await log.close()


OLD = """
CREATE TABLE stream(name TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL);
CREATE TABLE record(key INTEGER PRIMARY KEY, id BLOB, body BLOB NOT NULL);
INSERT INTO stream VALUES('urgent', 'e0', 7), ('money', 'e0', 1), ('routine', 'e0', 2);
INSERT INTO record VALUES((1 << 48) + 1, NULL, '{}'), ((2 << 48) + 1, NULL, '{}'), ((2 << 48) + 2, NULL, '{}');
"""


async def test_a_file_from_before_there_were_checksums_opens_and_is_counted(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.executescript(OLD.replace("'{}'", "CAST('{}' AS BLOB)"))
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    assert await log.append([entry(3)]) == [3]
    assert len(await log.read("routine", 0, 10)) == 3
    assert await tallies(log) == [(0, 3, 0, 0)]
    await log.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE stream SET epoch = 'f1' WHERE name = 'money'",
        "UPDATE stream SET head = 1 WHERE name = 'routine'",
        "UPDATE stream SET name = 'routyne' WHERE name = 'routine'",
        "ALTER TABLE record RENAME COLUMN day TO dby",
    ],
)
async def test_a_stream_or_a_schema_that_is_not_what_it_was_is_corrupt(tmp_path: Path, damage: str) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([entry(1), entry(2), entry(3, "money")])
    await log.close()
    await (await SqliteEventLog.open(tmp_path / "log.db", "e2")).close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute(damage)
    with pytest.raises(LogCorrupt):
        await SqliteEventLog.open(tmp_path / "log.db", "e3")


async def test_a_file_of_a_newer_program_is_refused_plainly(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(LogBroken, match="version 99"):
        await SqliteEventLog.open(tmp_path / "log.db", "e1")


async def test_what_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(LogCorrupt):
        await SqliteEventLog.open(tmp_path / "log.db", "e1")


class Failing:
    """A writer whose COMMIT fails: before it reached the file, or after it did and nobody was told."""

    def __init__(self, real: Any, *, landed: bool) -> None:
        self._real, self._landed = real, landed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def execute(self, sql: str, *args: Any) -> Any:
        if sql == "COMMIT":
            if self._landed:
                await self._real.execute(sql)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"  # type: ignore[attr-defined]
            raise error
        return await self._real.execute(sql, *args)


@pytest.mark.parametrize("landed", [False, True])
async def test_after_a_failed_sync_nothing_is_taken_before_the_file_was_verified(tmp_path: Path, landed: bool) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    await log.append([entry(1)])
    log._writer = Failing(log._writer, landed=landed)  # type: ignore[assignment]
    again = [entry(2), entry(3)]
    with pytest.raises(LogBroken):
        await log.append(again)
    with pytest.raises(LogBroken, match="not reopened"):
        await log.append([entry(9)])
    await log.reopen("e2")
    assert await log.append(again) == [2, 3], "the same list again is the same records, not more"
    assert await log.append([entry(4)]) == [4]
    assert [record.position for record in await log.read("routine", 0, 10)] == [1, 2, 3, 4]
    assert await log.epoch("routine") == "e1"
    await log.close()


async def test_a_lock_or_a_bad_statement_is_no_fault_of_the_file(tmp_path: Path) -> None:
    log = await SqliteEventLog.open(tmp_path / "log.db", "e1")
    with pytest.raises(LogBroken):
        await log.append([entry(1)], [("INSERT INTO nowhere VALUES(?)", [(1,)])])
    assert await log.append([entry(1)]) == [1]
    await log.close()
