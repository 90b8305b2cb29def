"""A gateway is told that something is kept only when the synchronous standby has it too, however it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from eventlog import postgres_link
from eventlog.log import Gap, LogBroken
from eventlog.postgres_batches import PostgresBatchLog
from eventlog.postgres_link import Connection
from server.store import migrate
from simulators.postgres import Postgres
from tests.eventlog.test_postgres_batches import arrival

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMPLEX = "garden"
GAP = Gap("gw-1", "routine", "e1", 1, 1, "capacity")
TRIES = 30


class Hasty(PostgresBatchLog):
    """Believes what it reads."""

    async def _confirm(self, connection: Connection) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as started:
        migrate.upgrade(started.url())
        yield started


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that gives up after a second."""
    monkeypatch.setitem(postgres_link._BOUNDS, "command_timeout", 1.0)  # type: ignore[arg-type]


def wait_for(server: Postgres, standby: str) -> None:
    """Let commits wait for a standby of that name; for none where it is empty."""
    server.say(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
    server.say("SELECT pg_reload_conf()")


async def given_up(server: Postgres, log: PostgresBatchLog, gateway: str) -> None:
    """A batch whose commit waits for a standby that never comes, and is given up: seen by all, on one machine."""
    await log.append([arrival(f"{gateway}-before", 1)])  # the day is begun
    await asyncio.to_thread(wait_for, server, "nobody")
    await in_force(log, gateway, waiting=True)
    with pytest.raises(LogBroken):
        await log.append([arrival(gateway, 1)])
    sql = f"SELECT count(*) FROM batch WHERE gateway = '{gateway}'"
    assert await asyncio.to_thread(server.say, sql, "gatehouse") == "1"


async def in_force(log: PostgresBatchLog, gateway: str, *, waiting: bool) -> None:
    """What commits wait for is taken up by the server's checkpointer, some time after it was told: until then."""
    for number in range(TRIES):
        if await is_given_up(log, f"{gateway}-{waiting}-{number}") is waiting:
            return
    raise AssertionError(f"{TRIES} commits, and the server does not do as it was told")


async def is_given_up(log: PostgresBatchLog, gateway: str) -> bool:
    try:
        await log.append([arrival(gateway, 1)])
    except LogBroken:
        return True
    return False


@pytest.mark.usefixtures("impatient")
async def test_what_is_on_one_machine_alone_is_not_told_as_known(server: Postgres) -> None:
    log = await PostgresBatchLog.open(server.url(), lambda: NOW)
    try:
        await given_up(server, log, "gw-1")
        with pytest.raises(LogBroken):
            await log.append([arrival("gw-1", 1)])
        with pytest.raises(LogBroken):
            await log.watermarks("gw-1")
        with pytest.raises(LogBroken):
            await log.declare(GAP, COMPLEX)
        await asyncio.to_thread(wait_for, server, "")
        await in_force(log, "gw-1", waiting=False)
        (receipt,) = await log.append([arrival("gw-1", 1)])
        assert (receipt.outcome, receipt.watermark) == ("known", 1)
        assert await log.watermarks("gw-1") == {("routine", "e1"): 1}
        assert (await log.declare(GAP, COMPLEX)).outcome == "known"
    finally:
        wait_for(server, "")
        await log.close()


@pytest.mark.usefixtures("impatient")
async def test_control_a_log_that_believes_what_it_reads_tells_it(server: Postgres) -> None:
    log = await Hasty.open(server.url(), lambda: NOW)
    try:
        await given_up(server, log, "gw-2")
        (receipt,) = await log.append([arrival("gw-2", 1)])
        assert receipt.outcome == "known", "this test could not see it"
    finally:
        wait_for(server, "")
        await log.close()
