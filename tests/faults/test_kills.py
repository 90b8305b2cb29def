"""kill -9 under load, in real processes: what was acknowledged is at the centre, exactly once."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.broker import Broker, BrokerUnavailable, MosquittoBroker, NatsBroker, mosquitto
from tests.faults.load import Result, under_load
from tests.rig import Rig

pytestmark = pytest.mark.faults

KILLS = 20 if os.environ.get("FULL") else 5
RATE, EVERY_S = 400.0, 0.7
ACK_FIRST = [sys.executable, "-m", "tests.faults.ack_first"]
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running(folder: Path, broker: Broker, agent: list[str] | None = None) -> AsyncIterator[Rig]:
    os.environ["PYTHONPATH"] = str(ROOT)
    rig = Rig(folder, broker, agent)
    try:
        await rig.start_all()
        yield rig
    finally:
        rig.stop_all()


class Killer:
    """Kills and starts again, and counts."""

    def __init__(self) -> None:
        self.kills = 0

    async def agent(self, rig: Rig) -> None:
        self.kills += 1
        rig.edge.kill()
        await rig.start_edge()

    async def server(self, rig: Rig) -> None:
        self.kills += 1
        rig.server.kill()
        await rig.start_server()

    async def broker(self, rig: Rig) -> None:
        self.kills += 1
        rig.broker.kill()
        rig.broker.restart()


def nothing_lost_nothing_twice(result: Result) -> None:
    assert result.lost == 0, str(result)
    assert result.facts_twice == []
    assert result.origins_twice == []
    assert result.gaps() == []


async def kill_all_the_time(rig: Rig, what: str, kills: int = KILLS) -> Result:
    killer = Killer()
    act = getattr(killer, what)
    result = await under_load(rig, RATE, kills, lambda: act(rig), EVERY_S)
    print(f"\n{what} behind {rig.broker.name} killed {killer.kills} times:", result)
    assert killer.kills == kills
    return result


async def test_agent_killed(tmp_path: Path) -> None:
    async with running(tmp_path, NatsBroker()) as rig:
        nothing_lost_nothing_twice(await kill_all_the_time(rig, "agent"))


async def test_server_killed(tmp_path: Path) -> None:
    async with running(tmp_path, NatsBroker()) as rig:
        nothing_lost_nothing_twice(await kill_all_the_time(rig, "server"))


async def test_pip_broker_killed(tmp_path: Path) -> None:
    async with running(tmp_path, NatsBroker()) as rig:
        nothing_lost_nothing_twice(await kill_all_the_time(rig, "broker"))


async def test_acknowledging_first_loses_and_is_caught(tmp_path: Path) -> None:
    """The positive control: the same kills on an agent that acknowledges before the commit."""
    async with running(tmp_path, NatsBroker(), ACK_FIRST) as rig:
        result = await kill_all_the_time(rig, "agent", max(KILLS, 8))
        assert result.lost > 0, "this rig could not see a loss"


def debian_mosquitto() -> Broker:
    try:
        mosquitto()
    except BrokerUnavailable as error:
        pytest.skip(str(error))
    return MosquittoBroker()


async def test_agent_killed_behind_mosquitto(tmp_path: Path) -> None:
    async with running(tmp_path, debian_mosquitto()) as rig:
        nothing_lost_nothing_twice(await kill_all_the_time(rig, "agent"))


async def test_mosquitto_killed_loses_what_it_had_in_memory(tmp_path: Path) -> None:
    """Its loss is its own, and printed; what the agent had is at the centre, and nothing is there twice."""
    async with running(tmp_path, debian_mosquitto()) as rig:
        result = await kill_all_the_time(rig, "broker")
        assert rig.centre_count() == rig.edge_head()
        assert result.facts_twice == []
        assert result.gaps() == []
