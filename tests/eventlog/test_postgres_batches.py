"""The log in PostgreSQL under several processes: a late commit, races, what is given up half way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.wire import read_header
from eventlog.batches import Judged
from eventlog.follow import follow
from eventlog.log import Arrival, Gap, Receipt
from eventlog.postgres_batches import PostgresBatchLog
from eventlog.postgres_link import Connection
from eventlog.shards import shard_of
from tests.eventlog.logs import COMPLEX, batch
from tests.eventlog.test_contract import FAST, Collector, until
from tests.postgres import database, say

SHARD = shard_of(COMPLEX)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def arrival(gateway: str, first: int, count: int = 1, epoch: str = "e1") -> Arrival:
    packed = batch(gateway, first, count, epoch=epoch)
    return Arrival(read_header(packed), packed, COMPLEX)


@asynccontextmanager
async def opened(url: str, *kinds: type[PostgresBatchLog]) -> AsyncIterator[list[Any]]:
    """A log of each kind on one database, as so many processes would have them."""
    async with AsyncExitStack() as stack:
        logs = [await kind.open(url, lambda: NOW) for kind in kinds]
        for log in logs:
            stack.push_async_callback(log.close)
        yield logs


class Held(PostgresBatchLog):
    """Stands still between its writing and its commit, until it may ``go``."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written, self.go = asyncio.Event(), asyncio.Event()

    async def _write(self, connection: Connection, judged: Judged) -> None:
        await super()._write(connection, judged)
        self.written.set()
        await self.go.wait()


class HeldOutOfTurn(Held):
    """The broken variant: it takes its positions without the lock of their shard."""

    async def _take_turns(self, connection: Connection, shards: Iterable[int]) -> None:
        return


def no_report(reader: str, partition: str, error: Exception) -> None:
    raise AssertionError(f"{reader} on {partition}: {error!r}")


def gateways_of(records: Iterable[Any]) -> list[str]:
    return [read_header(record.body).gateway for record in records]


async def settled(task: asyncio.Task[Any], url: str) -> None:
    """Until the task has ended, or waits for a lock in the database."""
    await until(lambda: task.done() or say(url, _WAITING) != "0")


async def seen_by_a_follower(slow_kind: type[Held]) -> tuple[list[str], list[str]]:
    """One process takes its positions and is slow to commit while another appends to the same shard; what a follower
    saw meanwhile and after, and what the log holds at the end."""
    with database() as url:
        async with opened(url, slow_kind, PostgresBatchLog, PostgresBatchLog) as (slow, quick, third):
            collector = Collector()
            following = asyncio.create_task(follow(third, SHARD, collector, no_report, FAST))
            slowly = asyncio.create_task(slow.append([arrival("gw-slow", 1)]))
            await slow.written.wait()
            quickly = asyncio.create_task(quick.append([arrival("gw-quick", 1)]))
            await settled(quickly, url)
            if quickly.done():
                await until(lambda: collector.seen)
            slow.go.set()
            await asyncio.gather(slowly, quickly)
            head = await third.head(SHARD)
            await until(lambda: collector.cursor == head)
            following.cancel()
            return gateways_of(collector.seen), gateways_of(await third.read(SHARD, 0, 10))


async def test_a_follower_misses_no_late_commit() -> None:
    seen, held = await seen_by_a_follower(Held)
    assert seen == held == ["gw-slow", "gw-quick"]


async def test_without_the_lock_of_the_shard_a_follower_misses_a_late_commit() -> None:
    seen, held = await seen_by_a_follower(HeldOutOfTurn)
    assert held == ["gw-slow", "gw-quick"]
    assert seen == ["gw-quick"], "the test must see what the lock is for"


async def test_many_appends_of_two_processes_are_followed_in_order_by_a_third() -> None:
    writers, each = 4, 25
    with database() as url:
        async with opened(url, *[PostgresBatchLog] * 3) as (*logs, third):
            collector = Collector(fail_every=5)
            following = asyncio.create_task(follow(third, SHARD, collector, lambda *_: None, FAST))

            async def write(writer: int) -> None:
                for number in range(1, each + 1):
                    await logs[writer % 2].append([arrival(f"gw-{writer}", number)])

            await asyncio.gather(*(write(writer) for writer in range(writers)))
            await until(lambda: len(collector.seen) >= writers * each)
            following.cancel()
    headers = [read_header(record.body) for record in collector.seen]
    for writer in range(writers):
        firsts = [header.first for header in headers if header.gateway == f"gw-{writer}"]
        assert firsts == list(range(1, each + 1))


async def test_two_processes_racing_with_the_same_batches_store_each_once() -> None:
    with database() as url:
        async with opened(url, PostgresBatchLog, PostgresBatchLog) as logs:
            for first in range(1, 60, 3):
                answers = await asyncio.gather(*(log.append([arrival("gw-1", first, 3)]) for log in logs * 2))
                assert sorted(receipt.outcome for (receipt,) in answers) == ["known", "known", "known", "stored"]
                assert {receipt.watermark for (receipt,) in answers} == {first + 2}
            records = await logs[0].read(SHARD, 0, 100)
            assert [read_header(record.body).first for record in records] == list(range(1, 60, 3))


async def both_answers(slow_kind: type[Held]) -> list[str]:
    """A batch on its way in one process, and a gap of the same sequences declared in another."""
    with database() as url:
        async with opened(url, slow_kind, PostgresBatchLog) as (slow, other):
            batches = asyncio.create_task(slow.append([arrival("gw-1", 1, 5)]))
            await slow.written.wait()
            declared = asyncio.create_task(other.declare(Gap("gw-1", "routine", "e1", 1, 5, "capacity"), COMPLEX))
            await settled(declared, url)
            slow.go.set()
            (receipt,) = await batches
            return [receipt.outcome, (await declared).outcome]


async def test_a_gap_and_a_batch_of_the_same_sequences_are_not_both_taken() -> None:
    assert await both_answers(Held) == ["stored", "known"]
    assert await both_answers(HeldOutOfTurn) == ["stored", "stored"], "the test must see what the lock is for"


async def test_an_append_that_is_given_up_keeps_nothing_and_holds_nobody_up() -> None:
    with database() as url:
        async with opened(url, Held, PostgresBatchLog) as (slow, other):
            given_up = asyncio.create_task(slow.append([arrival("gw-1", 1, 2)]))
            await slow.written.wait()
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            assert await other.append([arrival("gw-1", 1, 3)]) == [Receipt("stored", 3)]
            slow.go.set()
            assert await slow.append([arrival("gw-1", 4)]) == [Receipt("stored", 4)]
