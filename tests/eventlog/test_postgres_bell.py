"""A commit in one process wakes the followers in another, by few notices, and over a broken line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eventlog.log import Bell
from eventlog.postgres_bell import CHANNEL, BellBetween
from eventlog.postgres_link import connect
from eventlog.shards import SHARD_NAMES
from tests.eventlog.test_contract import until
from tests.eventlog.test_postgres_batches import SHARD, PostgresBatchLog, arrival, opened
from tests.postgres import database, say

_OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gatehouse log'"
_LISTENERS = f"{_OURS} AND query LIKE 'LISTEN %'"
_SPEAKERS = f"{_OURS} AND query LIKE '%pg_notify(%'"
OTHERS = tuple(shard for shard in SHARD_NAMES if shard != SHARD)


@asynccontextmanager
async def running(*bells: BellBetween) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(between.run()) for between in bells]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def two_processes() -> AsyncIterator[tuple[str, PostgresBatchLog, PostgresBatchLog]]:
    with database() as url:
        async with opened(url, *[PostgresBatchLog] * 2) as (here, there), running(here.between, there.between):
            yield url, here, there


async def first_ringing(bell: Bell) -> dict[str, asyncio.Event]:
    """Events for all shards; a listener rings them all once when it begins, which is awaited and put back."""
    events = {shard: bell.listen(shard) for shard in SHARD_NAMES}
    await until(lambda: all(event.is_set() for event in events.values()))
    for event in events.values():
        event.clear()
    return events


def rung(events: dict[str, asyncio.Event]) -> list[str]:
    return [shard for shard, event in events.items() if event.is_set()]


async def test_a_commit_rings_at_once_here_and_soon_in_the_other_process() -> None:
    async with two_processes() as (_, here, there):
        heard_there, heard_here = await asyncio.gather(first_ringing(there.bell), first_ringing(here.bell))
        await here.append([arrival("gw-1", 1)])
        assert rung(heard_here) == [SHARD], "without a way over the database"
        await until(lambda: rung(heard_there))
        assert rung(heard_there) == [SHARD]


async def test_somebody_elses_channel_rings_whoever_asked_for_it() -> None:
    """Screens of this process hear what a reader in another one announced."""
    with database() as url:
        rung: list[int] = []
        between = BellBetween(url, Bell())
        between.others["elsewhere"] = lambda: rung.append(1)
        async with running(between):
            await until(lambda: len(rung) == 1)  # once when it begins: something may have been said before
            await asyncio.to_thread(say, url, "SELECT pg_notify('elsewhere', '')")
            await until(lambda: len(rung) == 2)


async def test_what_is_only_known_already_wakes_nobody() -> None:
    with database() as url:
        async with opened(url, PostgresBatchLog) as (log,):
            await log.append([arrival("gw-1", 1)])
            events = {shard: log.bell.listen(shard) for shard in SHARD_NAMES}
            await log.append([arrival("gw-1", 1)])
            assert rung(events) == []


async def test_many_commits_at_once_are_one_notice() -> None:
    heard: list[str] = []
    with database() as url:
        listener = await connect(url)
        await listener.add_listener(CHANNEL, lambda _connection, _pid, _channel, shards: heard.append(shards))
        between = BellBetween(url, Bell())
        async with running(between):
            for _ in range(100):
                between.tell([SHARD], 3)
                between.tell(OTHERS[:2])
            await until(lambda: heard)
            between.tell(OTHERS[2:3])
            await until(lambda: len(heard) > 1)
        listener.terminate()
    assert heard == [",".join([*sorted([SHARD, *OTHERS[:2]]), "+300"]), f"{OTHERS[2]},+0"]


async def test_how_many_events_others_took_is_told_and_ones_own_are_not() -> None:
    async with two_processes() as (_, here, there):
        took_here, took_there = list[int](), list[int]()
        here.between.came, there.between.came = took_here.append, took_there.append
        heard = await first_ringing(there.bell)
        await here.append([arrival("gw-1", 1), arrival("gw-2", 1)])
        await until(lambda: rung(heard) == [SHARD])
        assert (sum(took_there), took_here) == (sum(arrival(one, 1).header.count for one in ("gw-1", "gw-2")), [])


async def test_what_presses_is_told_the_other_process_and_what_does_not_is_not() -> None:
    async with two_processes() as (_, here, there):
        pressed_here, pressed_there = list[str](), list[str]()
        here.between.pressed, there.between.pressed = pressed_here.append, pressed_there.append
        heard = await first_ringing(there.bell)
        here.between.tell([OTHERS[0]])
        here.between.press(OTHERS[1])
        here.between.tell([SHARD])
        await until(lambda: pressed_there and set(rung(heard)) == {OTHERS[0], SHARD})
        assert (pressed_there, pressed_here) == ([OTHERS[1]], [])


async def test_a_broken_line_is_made_again_and_all_shards_are_looked_at() -> None:
    async with two_processes() as (url, here, there):
        heard = await first_ringing(there.bell)
        await until(lambda: say(url, f"SELECT count(*) {_LISTENERS}") == "2")
        say(url, f"SELECT pg_terminate_backend(pid) {_LISTENERS}")
        await until(lambda: rung(heard) == list(SHARD_NAMES))
        for event in heard.values():
            event.clear()
        await here.append([arrival("gw-1", 1)])
        await until(lambda: rung(heard) == [SHARD])


async def test_a_notice_that_could_not_be_sent_is_sent_by_the_next_connection() -> None:
    async with two_processes() as (url, here, there):
        heard = await first_ringing(there.bell)
        here.between.tell(OTHERS[:1])
        await until(lambda: rung(heard) == [OTHERS[0]])
        say(url, f"SELECT pg_terminate_backend(pid) {_SPEAKERS}")
        took = list[int]()
        there.between.came = took.append
        here.between.tell(OTHERS[1:2], 7)
        await until(lambda: rung(heard) == list(OTHERS[:2]))
        assert sum(took) == 7
