"""The leader is found among machines that follow, are away, or are silent; nothing is left open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import asyncpg
import pytest

from eventlog import postgres_leader
from eventlog.postgres_leader import NoLeader, connect, hosts_of
from tests.postgres import database, server
from tests.rig import until


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and never answered: a machine that hangs."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def url() -> Iterator[str]:
    with database() as made:
        yield made


def among(url: str, *others: str) -> str:
    """The same database, named behind other machines."""
    folder = hosts_of(url)[0][0]
    hosts = ",".join([*(other.partition(":")[0] for other in others), folder])
    ports = ",".join([*(other.partition(":")[2] for other in others), "5432"])
    return f"{url.partition('?')[0]}?host={hosts}&port={ports}&target_session_attrs=read-write"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://g@db1:5433,db2/gatehouse", [("db1", 5433), ("db2", 5432)]),
        ("postgresql://g@/gatehouse?host=db1,db2&port=5433,5434", [("db1", 5433), ("db2", 5434)]),
        ("postgresql://g@/gatehouse?host=db1,db2&port=5433", [("db1", 5433), ("db2", 5433)]),
        ("postgresql://g@/gatehouse?host=db1:5433,db2", [("db1", 5433), ("db2", 5432)]),
        ("postgresql://g@[::1]:5433,[fe80::2]/gatehouse", [("::1", 5433), ("fe80::2", 5432)]),
        ("postgresql://g@/gatehouse?host=/run/postgresql&port=5433", [("/run/postgresql", 5433)]),
        ("postgresql://g@/gatehouse", []),
    ],
)
def test_machines_that_a_url_names(url: str, hosts: list[tuple[str, int]]) -> None:
    assert hosts_of(url) == hosts


async def test_a_silent_machine_named_first_delays_nobody(url: str, silent: int) -> None:
    connection = await connect(among(url, f"127.0.0.1:{silent}", "127.0.0.1:1"), timeout=5)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_control_the_driver_alone_does_not_get_past_a_silent_machine(url: str, silent: int) -> None:
    with pytest.raises(TimeoutError):
        await asyncpg.connect(among(url, f"127.0.0.1:{silent}"), timeout=1)


async def test_where_nobody_leads_each_machine_is_named_with_its_reason(url: str, silent: int) -> None:
    name = urlsplit(url).path.removeprefix("/")
    server().say(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with pytest.raises(NoLeader) as caught:
        await connect(among(url, "127.0.0.1:1", f"127.0.0.1:{silent}"), timeout=1)
    said = str(caught.value)
    assert "127.0.0.1:1: " in said and f"127.0.0.1:{silent}: TimeoutError" in said and "it does not lead" in said


async def test_a_silent_machine_is_not_waited_for_once_another_said_no(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next leader may be the one that said no, and must be asked again."""
    monkeypatch.setattr(postgres_leader, "GRACE_S", 0.1)
    with pytest.raises(NoLeader, match=f"127.0.0.1:{silent}: silent"):
        async with asyncio.timeout(20):
            await connect(f"postgresql:///x?host=127.0.0.1,127.0.0.1&port={silent},1", timeout=60)


async def test_connections_that_are_not_wanted_are_closed(url: str) -> None:
    """The same server, named three times, leads three times."""
    name, folder = urlsplit(url).path.removeprefix("/"), hosts_of(url)[0][0]
    connection = await connect(f"{url.partition('?')[0]}?host={folder},{folder},{folder}", timeout=5)
    counted = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    await until(lambda: server().say(counted) == "1")
    await connection.close()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
