"""Device message → broker → agent → durable → acknowledged, in real processes on one machine."""

from __future__ import annotations

import asyncio
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gateway import rig
from benchmarks.messages import Message, door_and_plate_messages, plain_messages
from benchmarks.process import cpu_s
from benchmarks.rows import Row, row
from simulators.broker import Broker, MosquittoBroker, NatsBroker
from simulators.load import publish
from tests.rig import Rig, until

_REACH, _PLAIN_REACH, _PLAIN_CPU_MS = 12_000, 20_000, 45
_TICK_S = 0.02


async def run(scale: float) -> list[Row]:
    """For each broker there is: vendors' messages and plain ones, live and as a backlog it held."""
    count = max(2_000, int(60_000 * scale))
    rows: list[Row] = []
    for make in brokers():
        for plain in (False, True):
            for backlog in (False, True):
                rows += await _speed(make(), count, plain=plain, backlog=backlog)
    return rows


def brokers() -> list[type[Broker]]:
    """Mosquitto last, where it is installed."""
    there = shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()
    return [NatsBroker, MosquittoBroker] if there else [NatsBroker]


async def _speed(broker: Broker, count: int, *, plain: bool, backlog: bool) -> list[Row]:
    messages = plain_messages(count) if plain else door_and_plate_messages(count, datetime.now(UTC))
    with rig(broker, plain=plain) as here:
        here.write_edge_settings("")
        await here.start_edge()
        seconds, used_s, taken = await (_backlog if backlog else _live)(here, messages)
    rate, cpu_ms = round(taken / seconds), round(used_s * 1e6 / taken, 1)
    how = "no driver" if plain else "uhppoted and vzenith drivers"
    what = f"{how}, {broker.name}, {'backlog' if backlog else 'live, publisher beside it'}"
    reach = None if not backlog else _PLAIN_REACH if plain else _REACH
    most_ms = _PLAIN_CPU_MS if plain and backlog else None
    return [
        row(what, rate, "events/s", at_least=reach, events=taken),
        row(f"{what}: processor", cpu_ms, "ms per 1,000", at_most=most_ms),
    ]


async def _live(here: Rig, messages: list[Message]) -> tuple[float, float, int]:
    head, used_s, began = here.edge_head(), cpu_s(here.edge.pid), time.perf_counter()
    await asyncio.gather(
        publish("127.0.0.1", here.broker.port, messages, connections=2), _until_head(here, head + len(messages))
    )
    return time.perf_counter() - began, cpu_s(here.edge.pid) - used_s, here.edge_head() - head


async def _backlog(here: Rig, messages: list[Message]) -> tuple[float, float, int]:
    head = here.edge_head()
    here.edge.stop()
    await publish("127.0.0.1", here.broker.port, messages, connections=2)
    await here.start_edge()
    started, used_s, began = here.edge_head(), cpu_s(here.edge.pid), time.perf_counter()
    await _until_head(here, head + len(messages))
    return time.perf_counter() - began, cpu_s(here.edge.pid) - used_s, here.edge_head() - started


async def _until_head(here: Rig, head: int) -> None:
    await until(lambda: here.edge_head() >= head, 120.0, _TICK_S)
