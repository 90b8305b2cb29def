"""Machines of the database die under load: what was acknowledged stays, once, and writing goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from server.store import migrate
from simulators.patroni import Cluster
from simulators.patroni_settings import REPLICATION
from tests.faults.story import Story, choose
from tests.faults.writers import Findings, Writers, judge, look, writing

pytestmark = pytest.mark.faults

AGAIN_LIMIT_S = 25.0  # promised: docs/ha.md
HEAL_LIMIT_S = 120.0
BETWEEN = 300  # batches acknowledged before each kill
# The standbys get nothing any more, and their connections end.
_CUT_OFF = f"""ALTER ROLE {REPLICATION} NOLOGIN;
SELECT pg_terminate_backend(pid) FROM pg_stat_replication;"""


@pytest.fixture(scope="module")
def started() -> Iterator[Cluster]:
    with Cluster() as cluster:
        migrate.upgrade(cluster.url())
        yield cluster


@pytest.fixture
def cluster(started: Cluster) -> Cluster:
    heal(started)
    return started


def heal(cluster: Cluster) -> None:
    """Start what is down and wait until all nodes follow one, one of them synchronously."""
    for node in cluster.nodes:
        if not cluster.running(node):
            cluster.start_node(node)
    whole = len(cluster.nodes) - 1
    cluster.wait_until(lambda: len(cluster.replicas()) == whole and cluster.standbys(), "whole cluster", HEAL_LIMIT_S)


async def kill(cluster: Cluster, writers: Writers, who: Callable[[], str | None]) -> float:
    """kill -9 of that node under load; seconds until every gateway has a new batch acknowledged.

    The node is started again then, and the cluster is waited for until it says that it could do without its leader.
    """
    await writers.more(BETWEEN)
    node = await asyncio.to_thread(who)
    assert node is not None
    killed_s = time.monotonic()
    await asyncio.to_thread(cluster.kill, node)
    seconds = await writers.go_on(killed_s)
    cluster.start_node(node)
    await asyncio.to_thread(cluster.wait_until, cluster.standbys, "synchronous standby", HEAL_LIMIT_S)
    return round(seconds, 1)


def standby(cluster: Cluster) -> str | None:
    return next(iter(cluster.standbys()), None)


def must_hold(findings: Findings, story: Story, seconds: list[float]) -> None:
    findings.tell(story)
    story.tell(kills=len(seconds), writes_again_s=seconds)
    assert (findings.lost, findings.twice, findings.marks) == ([], [], [])


def must_be_fast(seconds: list[float]) -> None:
    """What is promised of a cluster that was whole."""
    assert max(seconds) <= AGAIN_LIMIT_S, seconds


async def test_the_primary_is_killed(cluster: Cluster, story: Story) -> None:
    seconds: list[float] = []
    async with writing(cluster.url(), "primary") as writers:
        for _ in range(choose(1, 20)):
            await asyncio.to_thread(heal, cluster) if seconds else None
            seconds.append(await kill(cluster, writers, cluster.leader))
    must_hold(await look(cluster.url(), writers.acknowledged), story, seconds)
    must_be_fast(seconds)


async def test_the_leader_is_killed_twice_in_a_row(cluster: Cluster, story: Story) -> None:
    """The second time as soon as there is a synchronous standby again: what led first is only on its way back.

    So two of three may be away, and nobody writes until one of them is back.
    """
    seconds: list[float] = []
    async with writing(cluster.url(), "twice") as writers:
        for _ in range(2 * choose(1, 10)):
            seconds.append(await kill(cluster, writers, cluster.leader))
    must_hold(await look(cluster.url(), writers.acknowledged), story, seconds)


async def test_the_synchronous_standby_is_killed(cluster: Cluster, story: Story) -> None:
    seconds: list[float] = []
    async with writing(cluster.url(), "standby") as writers:
        for _ in range(choose(3, 20)):
            await asyncio.to_thread(heal, cluster) if seconds else None
            seconds.append(await kill(cluster, writers, lambda: standby(cluster)))
    must_hold(await look(cluster.url(), writers.acknowledged), story, seconds)
    must_be_fast(seconds)


async def test_control_replication_that_nobody_waits_for_loses(cluster: Cluster, story: Story) -> None:
    """Asynchronous, with standbys that were cut off: what was acknowledged meanwhile goes with the leader."""
    await asyncio.to_thread(without_waiting, cluster)
    async with writing(cluster.url(), "control") as writers:
        await writers.more(BETWEEN)
        await asyncio.to_thread(cluster.say, _CUT_OFF)
        await writers.more(BETWEEN)
    leader = await asyncio.to_thread(cluster.leader)
    assert leader is not None
    await asyncio.to_thread(cluster.kill, leader)
    await asyncio.to_thread(cluster.wait_until, lambda: cluster.leader() not in (None, leader), "new leader", 60.0)
    findings = await look(cluster.url(), writers.acknowledged)
    findings.tell(story)
    assert findings.lost, "this rig could not see a loss"


def without_waiting(cluster: Cluster) -> None:
    cluster.configure({"synchronous_mode": False, "synchronous_mode_strict": False})
    cluster.wait_until(lambda: cluster.say("SHOW synchronous_standby_names") == "", "asynchronous replication", 30.0)


@pytest.mark.parametrize(
    ("rows", "mark", "found"),
    [
        ([(1, 20), (21, 40)], 40, ([], [], [])),
        ([(1, 20)], 20, ([("g", 21)], [], [])),
        ([(1, 20), (21, 40), (21, 40)], 40, ([], [("g", 21)], ["g"])),
        ([(1, 20), (21, 40)], 60, ([], [], ["g"])),
        ([(21, 40)], 40, ([("g", 1)], [], ["g"])),
    ],
)
def test_control_the_check_sees(rows: list[tuple[int, int]], mark: int, found: tuple[list[object], ...]) -> None:
    findings = judge({("g", 1), ("g", 21)}, [("g", *row) for row in rows], {"g": mark})
    assert (findings.lost, findings.twice, findings.marks) == found
