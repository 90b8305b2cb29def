"""Device message → broker → agent → durable → acknowledged, in real processes on one machine."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gateway import rig
from benchmarks.messages import Message, door_and_plate_messages, plain_messages
from benchmarks.process import cpu_s
from benchmarks.rows import Row, percentile, row
from simulators.broker import Broker, MosquittoBroker, NatsBroker
from simulators.load import Acknowledged, publish
from tests.rig import Rig, until

_REACH, _PLAIN_REACH, _PLAIN_CPU_MS = 12_000, 20_000, 45
_RATE, _RATE_SECONDS, _P99_MS = 1_000, 10, 15
_TICK_S, _LOOK_S = 0.02, 0.001
_WARM_SHARE = 0.2  # of the paced messages: the first find a cold process


async def run(scale: float) -> list[Row]:
    """For each broker there is: vendors' messages and plain ones, live and as a backlog it held; then the delay."""
    count = max(2_000, int(60_000 * scale))
    rows: list[Row] = []
    for make in brokers():
        for plain in (False, True):
            for backlog in (False, True):
                rows += await _speed(make(), count, plain=plain, backlog=backlog)
    return [*rows, await _delay(brokers()[-1](), scale)]


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


async def _delay(broker: Broker, scale: float) -> Row:
    """Publish → durable at a fixed rate. Durable is seen from outside: when a plate's row can be read in the log.

    The publisher's own PUBACK would not do: Mosquitto answers from memory, before the agent has the message.
    """
    count = max(2_000, int(_RATE * _RATE_SECONDS * scale))
    with rig(broker) as here:
        here.write_edge_settings("")
        await here.start_edge()
        delays_ms = await _paced(here, door_and_plate_messages(count, datetime.now(UTC)))
    counted = delays_ms[int(len(delays_ms) * _WARM_SHARE) :]
    p50, p99 = round(percentile(counted, 0.5), 1), round(percentile(counted, 0.99), 1)
    what = f"publish → durable at {_RATE:,}/s, {broker.name}, drivers: p99"
    return row(what, p99, "ms", at_most=_P99_MS, p50_ms=p50, messages=len(counted))


async def _paced(here: Rig, messages: list[Message]) -> list[float]:
    """The delay of each plate, from the moment it was due to be published; one connection, so that order is kept."""
    result = Acknowledged()
    sending = publish("127.0.0.1", here.broker.port, messages, connections=1, rate=_RATE, into=result)
    publishing = asyncio.create_task(sending)
    durable_s: list[float] = []
    with closing(sqlite3.connect(f"file:{here.edge_folder / 'data' / 'log.db'}?mode=ro", uri=True)) as db:
        async with asyncio.timeout(60.0 + len(messages) / _RATE):
            while len(durable_s) < len(messages) // 2:
                (plates,) = db.execute("SELECT head FROM stream WHERE name = 'money'").fetchone()
                durable_s += [time.monotonic()] * (plates - len(durable_s))
                await asyncio.sleep(_LOOK_S)
    await publishing
    return [(at - result.started_s - (2 * k + 1) / _RATE) * 1000 for k, at in enumerate(durable_s)]
