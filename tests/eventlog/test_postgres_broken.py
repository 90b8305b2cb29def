"""The log in PostgreSQL when connections end, the server leads no more, or is killed: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from domain.wire import read_header
from eventlog.log import Arrival, LogBroken, Receipt
from eventlog.postgres_batches import PostgresBatchLog
from server.store import migrate
from simulators.postgres import DATABASE, Postgres
from tests.eventlog.test_contract import until
from tests.eventlog.test_postgres_batches import NOW, SHARD, Held, arrival, opened
from tests.postgres import database, say, server


async def test_a_server_that_leads_no_more_is_left_for_the_one_that_does() -> None:
    with database() as url:
        name = say(url, "SELECT current_database()")
        say(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        async with opened(url, PostgresBatchLog) as (log,):  # its connections are read-only as long as they last
            server().say(f"SET default_transaction_read_only = off; ALTER DATABASE {name} RESET ALL")
            with pytest.raises(LogBroken):
                await log.append([arrival("gw-1", 1)])
            assert await log.append([arrival("gw-1", 1)]) == [Receipt("stored", 1)]


async def test_a_log_that_nothing_answers_for_is_broken(tmp_path: Path) -> None:
    with pytest.raises(LogBroken, match="opening the log"):
        await PostgresBatchLog.open(f"postgresql://gatehouse@/gatehouse?host={tmp_path}", lambda: NOW)


async def test_connections_that_the_server_ended_are_replaced() -> None:
    ours = "datname = current_database() AND application_name = 'gatehouse log'"
    with database() as url:
        async with opened(url, PostgresBatchLog) as (log,):
            await asyncio.gather(*(log.head(SHARD) for _ in range(5)))
            for first in range(1, 4):
                say(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
                assert await write_until_broken(log, "gw-1", first - 1, most=first) in (first - 1, first)
                await working(log)
                assert (await log.append([arrival("gw-1", first)]))[0].watermark == first
            assert await firsts_in(log, "gw-1") == [1, 2, 3]


@contextmanager
def durable_server() -> Iterator[Postgres]:
    server()  # skips where there can be none
    with closing(Postgres().start()) as postgres:
        yield postgres


async def write_until_broken(log: PostgresBatchLog, gateway: str, last: int, most: int = 1_000_000) -> int:
    """Append batch after batch behind ``last`` until the log breaks; the last sequence that was acknowledged."""
    while last < most:
        try:
            (receipt,) = await log.append([arrival(gateway, last + 1)])
        except LogBroken:
            return last
        assert receipt.outcome in ("stored", "known")
        last = receipt.watermark
    return last


async def kill_and_start(postgres: Postgres, log: PostgresBatchLog) -> None:
    """kill -9, a new start, and the log works again by itself."""
    postgres.kill()
    postgres.start()
    await working(log)


async def working(log: PostgresBatchLog) -> None:
    """Until the log works, by itself; every failure until then is a LogBroken."""
    async with asyncio.timeout(30.0):
        while not await _works(log):
            await asyncio.sleep(0.05)


async def _works(log: PostgresBatchLog) -> bool:
    try:
        await log.head(SHARD)
    except LogBroken:
        return False
    return True


def appended(postgres: Postgres) -> int:
    return int(postgres.say("SELECT coalesce(sum(last), 0) FROM mark", DATABASE))


async def kill_under_load(postgres: Postgres, log: PostgresBatchLog, told: dict[str, int]) -> dict[str, int]:
    """Go on for each gateway behind what it was told last, kill the server, start it; what each was told then."""
    before = appended(postgres)
    writers = [asyncio.create_task(write_until_broken(log, gateway, last)) for gateway, last in told.items()]
    await until(lambda: appended(postgres) > before + 50)
    await asyncio.to_thread(postgres.kill)  # the writers go on meanwhile
    lasts = await asyncio.gather(*writers)
    await kill_and_start(postgres, log)
    return dict(zip(told, lasts, strict=True))


async def firsts_in(log: PostgresBatchLog, gateway: str) -> list[int]:
    headers = [read_header(record.body) for record in await log.read(SHARD, 0, 1_000_000)]
    return [header.first for header in headers if header.gateway == gateway]


async def test_what_was_acknowledged_is_there_once_after_kill_9_of_the_server() -> None:
    told = {f"gw-{number}": 0 for number in range(4)}
    with durable_server() as postgres:
        await asyncio.to_thread(migrate.upgrade, postgres.url())
        async with opened(postgres.url(), PostgresBatchLog) as (log,):
            for _ in range(3):
                told = await kill_under_load(postgres, log, told)
                for gateway, last in told.items():
                    found = await firsts_in(log, gateway)
                    assert found in (list(range(1, last + 1)), list(range(1, last + 2))), "one may have been on its way"


class Hasty(Held):
    """The broken variant: it acknowledges before the commit."""

    async def append(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        self.later = asyncio.create_task(super().append(arrivals))
        await self.written.wait()
        return [Receipt("stored", arrivals[-1].header.last)]


async def test_an_acknowledgement_before_the_commit_is_lost_with_the_server() -> None:
    with durable_server() as postgres:
        await asyncio.to_thread(migrate.upgrade, postgres.url())
        async with opened(postgres.url(), Hasty) as (log,):
            assert await log.append([arrival("gw-1", 1)]) == [Receipt("stored", 1)]
            await kill_and_start(postgres, log)
            log.go.set()
            with pytest.raises(LogBroken):
                await log.later
            assert await firsts_in(log, "gw-1") == [], "the test must see what is lost"
