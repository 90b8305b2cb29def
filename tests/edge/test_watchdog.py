"""systemd hears from the agent while it works, and no more when its loop hangs or its log is stuck."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from edge.agent import run as run_agent
from edge.config import Broker, Config
from edge.status import watchdog
from edge.status.watchdog import Turns, Watchdog, granted_s
from eventlog.group_commit import Bounds, GroupCommit
from tests.rig import until

GRANTED_S = 0.4
PING = "WATCHDOG=1"


class Systemd:
    """The far end of NOTIFY_SOCKET; each message is kept with the moment it was read."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._heard: list[str] = []

    @property
    def heard(self) -> list[str]:
        with suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(4096).decode())
        return self._heard

    @property
    def pings(self) -> int:
        return self.heard.count(PING)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    path = tmp_path / "notify"
    far_end = Systemd(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(GRANTED_S * 1_000_000)))
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    yield far_end
    far_end.close()


@asynccontextmanager
async def watched(commit: Callable[[list[int]], Awaitable[None]]) -> AsyncIterator[GroupCommit[int]]:
    """A committer under a watchdog."""
    queue: GroupCommit[int] = GroupCommit(commit, Bounds(wait_s=0.0))
    dog = watchdog.make(lambda: Turns(queue.turns, queue.busy))
    tasks = [asyncio.create_task(queue.run()), asyncio.create_task(dog.run())]
    try:
        yield queue
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def silence(systemd: Systemd, granted: int = 3) -> bool:
    """Whether nothing was heard for so many times what is granted; ends when something is."""
    before = systemd.pings
    deadline = time.monotonic() + granted * GRANTED_S
    while time.monotonic() < deadline:
        await asyncio.sleep(GRANTED_S / 8)
        if systemd.pings > before:
            return False
    return True


async def kept(_: list[int]) -> None:
    return None


async def test_it_pings_while_idle_and_while_the_committer_comes_round(systemd: Systemd) -> None:
    async with watched(kept) as queue:
        await until(lambda: systemd.pings >= 3)
        for number in range(3):
            queue.offer(number, 1)
            before = systemd.pings
            await until(lambda before=before: systemd.pings > before and not queue.busy)
    assert systemd.heard[-1] == "STOPPING=1"


async def test_a_commit_that_does_not_return_ends_the_pings_and_its_return_brings_them_back(systemd: Systemd) -> None:
    free = asyncio.Event()

    async def stuck(_: list[int]) -> None:
        await free.wait()

    async with watched(stuck) as queue:
        await until(lambda: systemd.pings >= 1)
        queue.offer(1, 1)
        await until(lambda: queue.busy)
        await asyncio.sleep(GRANTED_S)  # what may still come belongs to the time before
        assert await silence(systemd)
        free.set()
        await until(lambda: systemd.pings >= 2 and not queue.busy)
        assert not await silence(systemd)


async def test_a_loop_that_hangs_pings_no_more(systemd: Systemd) -> None:
    """The positive control of all: this is what systemd kills us for."""
    async with watched(kept):
        await until(lambda: systemd.pings >= 1)
        before = systemd.pings
        time.sleep(3 * GRANTED_S)  # the fault itself
        assert systemd.pings == before


def test_only_who_is_asked_pings() -> None:
    pid = str(os.getpid())
    assert granted_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": pid}) == 30.0
    assert granted_s({"WATCHDOG_USEC": "30000000"}) == 30.0
    assert granted_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert granted_s({"WATCHDOG_USEC": "0"}) is None
    assert granted_s({}) is None


# When the watchdog looks, and what it sees.
_SEEN = (
    (100.0, Turns(0, False)),
    (110.0, Turns(0, True)),
    (114.0, Turns(0, True)),
    (116.0, Turns(0, True)),
    (117.0, Turns(1, True)),
    (133.0, Turns(1, True)),
    (134.0, Turns(1, False)),
)


def test_a_committer_with_work_has_half_of_what_is_granted() -> None:
    seen, said = iter(_SEEN), list[str]()
    clock = iter([0.0, *(at for at, _ in _SEEN)])
    dog = Watchdog(lambda: next(seen)[1], said.append, 30.0, lambda: next(clock))
    heard: list[int] = []
    for _ in _SEEN:
        dog.beat()
        heard.append(len(said))
    assert heard == [1, 2, 3, 3, 4, 4, 5]


async def test_the_agent_says_ready_how_it_stands_and_that_it_stops(
    systemd: Systemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.agent._BROKER_WAIT_S", 0.1)
    config = Config(data=str(tmp_path / "data"), broker=Broker(port=1))
    agent = asyncio.create_task(run_agent(config, lambda: None))
    await until(lambda: "READY=1" in systemd.heard and systemd.pings >= 2)
    await until(
        lambda: any(line.startswith("STATUS=uplink not enrolled, broker away, waiting") for line in systemd.heard)
    )
    agent.cancel()
    await asyncio.gather(agent, return_exceptions=True)
    assert systemd.heard.index("READY=1") < systemd.heard.index("STOPPING=1")
