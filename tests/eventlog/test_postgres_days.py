"""Positions and tables by day: each row in its day's table, positions that only rise, days that go as a whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from eventlog import postgres_days
from eventlog.log import LogBroken
from eventlog.postgres_batches import READ, PostgresBatchLog
from eventlog.postgres_days import DAY_BITS, number_of, table_of
from eventlog.postgres_link import connect
from tests.eventlog.test_postgres_batches import SHARD, arrival
from tests.postgres import database, say

FIRST_DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBER = number_of(FIRST_DAY.date())
_WHERE = "SELECT tableoid::regclass, first FROM batch ORDER BY position"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = FIRST_DAY

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


@asynccontextmanager
async def processes(url: str, count: int = 1) -> AsyncIterator[list[tuple[PostgresBatchLog, Clock]]]:
    clocks = [Clock() for _ in range(count)]
    logs = [await PostgresBatchLog.open(url, clock) for clock in clocks]
    yield list(zip(logs, clocks, strict=True))
    for log in logs:
        await log.close()


async def append_a_day(log: PostgresBatchLog, clock: Clock, days: int) -> None:
    for first in range(1, days + 1):
        await log.append([arrival("gw-1", first)])
        clock.pass_days(1)


async def positions(log: PostgresBatchLog) -> list[int]:
    return [record.position for record in await log.read(SHARD, 0, 100)]


def tables(url: str) -> list[str]:
    return say(url, "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'batch'::regclass").split()


async def test_each_batch_lies_in_the_table_of_its_day() -> None:
    with database() as url:
        async with processes(url) as [(log, clock)]:
            await append_a_day(log, clock, 3)
            found = [row.split("|") for row in say(url, _WHERE).splitlines()]
            assert found == [[table_of(NUMBER + day), str(day + 1)] for day in range(3)]
            assert [position >> DAY_BITS for position in await positions(log)] == [NUMBER, NUMBER + 1, NUMBER + 2]
            assert table_of(NUMBER) == "batch_20260301"


async def steps(url: str) -> list[int]:
    """The positions of batches under two clocks, of which one is behind and one steps back."""
    async with processes(url, 2) as [(one, clock), (other, behind)]:
        behind.pass_days(-1)
        await one.append([arrival("gw-1", 1)])
        await other.append([arrival("gw-1", 2)])
        clock.pass_days(1)
        await one.append([arrival("gw-1", 3)])
        clock.pass_days(-3)
        await one.append([arrival("gw-1", 4)])
        behind.pass_days(1)
        with suppress(LogBroken):
            await other.append([arrival("gw-1", 5)])
        return [int(row) for row in say(url, "SELECT position FROM batch ORDER BY first").split()]


async def test_positions_only_rise_whatever_clocks_say() -> None:
    with database() as url:
        found = await steps(url)
        assert len(found) == 5
        assert found == sorted(set(found))


async def test_moving_on_without_looking_lets_positions_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_days, "_MOVE_ON", "SELECT setval('batch_position', $1)")
    with database() as url:
        found = await steps(url)
        assert found != sorted(set(found)) or len(found) < 5, "the test must see what the comparison is for"


async def test_processes_that_begin_a_day_at_once_begin_it_once() -> None:
    with database() as url:
        async with processes(url, 4) as started:
            for _ in range(3):
                work = [log.append([arrival(f"gw-{n}", 1)]) for n, (log, _) in enumerate(started)]
                await asyncio.gather(*work)
                for _, clock in started:
                    clock.pass_days(1)
            assert tables(url) == ["batch_rest", *(table_of(NUMBER + day) for day in range(4))]


async def test_a_day_that_cannot_be_made_takes_its_batches_later() -> None:
    with database() as url:
        async with processes(url) as [(log, clock)]:
            dump = await connect(url)
            await dump.execute("BEGIN; LOCK TABLE batch_rest IN ACCESS SHARE MODE")
            await log.append([arrival("gw-1", 1)])
            dump.terminate()
            await log.append([arrival("gw-1", 2)])
            assert say(url, _WHERE).split() == ["batch_rest|1", "batch_rest|2"], "it is not tried again at once"
            clock.now += timedelta(minutes=1)
            await log.append([arrival("gw-1", 3)])
            assert say(url, _WHERE).split() == [f"{table_of(NUMBER)}|{first}" for first in (1, 2, 3)]


def scanned(plan: dict[str, Any]) -> set[str]:
    inner = [name for below in plan.get("Plans", []) for name in scanned(below)]
    return {*inner, plan["Relation Name"]} if "Relation Name" in plan else set(inner)


async def plan_of_reading(url: str, after: int, mode: str) -> set[str]:
    """The tables that the reader's statement looks into, its plan made for the cursor or for any."""
    connection = await connect(url)
    await connection.execute(f"SET plan_cache_mode = {mode}; PREPARE reading(int, bigint, bigint) AS {READ}")
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE reading({SHARD}, {after}, 64)"
    explained = json.loads(await connection.fetchval(explain))
    connection.terminate()
    return scanned(explained[0]["Plan"])


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_a_reader_looks_into_no_day_before_its_cursor(mode: str) -> None:
    with database() as url:
        async with processes(url) as [(log, clock)]:
            await append_a_day(log, clock, 4)
            everywhere = {table_of(NUMBER + day) for day in range(5)} | {"batch_rest"}
            assert await plan_of_reading(url, 0, mode) == everywhere
            cursor = (await positions(log))[2]
            assert await plan_of_reading(url, cursor, mode) == everywhere - {table_of(NUMBER), table_of(NUMBER + 1)}


async def test_whole_days_are_dropped_and_the_present_one_never() -> None:
    with database() as url:
        async with processes(url) as [(log, clock)]:
            await append_a_day(log, clock, 3)
            assert await log.drop_days(date(2026, 3, 2)) == [date(2026, 3, 1)]
            assert [position >> DAY_BITS for position in await positions(log)] == [NUMBER + 1, NUMBER + 2]
            assert await log.drop_days(date(2027, 1, 1)) == [date(2026, 3, 2)]
            assert await log.append([arrival("gw-1", 4)])
            assert len(await positions(log)) == 2


async def test_a_trimmed_day_loses_its_table_when_no_shard_has_anything_in_it() -> None:
    with database() as url:
        async with processes(url) as [(log, clock)]:
            await append_a_day(log, clock, 2)
            say(url, f"UPDATE batch SET shard = {int(SHARD) + 1} WHERE position >> 32 = {NUMBER}")
            await log.append([arrival("gw-1", 3)])
            through = NUMBER + 1 << DAY_BITS
            assert await log.trim(SHARD, through) == 0
            assert table_of(NUMBER) in tables(url)
            assert await log.trim(str(int(SHARD) + 1), through) == 1
            assert table_of(NUMBER) not in tables(url)
