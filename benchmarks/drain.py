"""A backlog of 72 hours to the centre: 180,000 events in the agent's log, the uplink comes back, doors are forced."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.backlog import fill
from benchmarks.gateway import rig
from benchmarks.intake import brokers
from benchmarks.messages import fact_of, forced_door_messages
from benchmarks.process import cpu_s
from benchmarks.relay import CountingRelay
from benchmarks.rows import Row, percentile, row
from edge.store.file import FILE
from simulators.load import Acknowledged, publish
from tests.rig import Rig, until

_EVENTS, _REACH_S, _READY_S, _WIRE_BYTES, _ALARM_P99_MS = 180_000, 5.0, 2.0, 60, 1_000
_ALARMS_A_SECOND, _MOST_ALARMS, _ROUNDS = 12, 1_200, 2
_LOOK_S, _LIMIT_S = 0.01, 120.0
_SOURCE_ID = re.compile(r'"source_event_id":"([^"]+)"')


class _Drained(msgspec.Struct):
    """One drain: ``seconds`` from the ready line to the last event at the centre."""

    ready_s: float
    seconds: float
    agent_cpu_s: float
    centre_cpu_s: float
    alarms_ms: list[float]


async def run(scale: float) -> list[Row]:
    """The start with a full log, the drain, alarms meanwhile, and bytes on the wire."""
    count = int(_EVENTS * scale)
    with TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        await fill(Path(folder), count)
        rounds = [await _drain(Path(folder), count) for _ in range(_ROUNDS)]
        wire = await _bytes_an_event(Path(folder), count)
    alarms_ms = [delay_ms for each in rounds for delay_ms in each.alarms_ms]
    ready_s, slower = max(each.ready_s for each in rounds), max(rounds, key=lambda each: each.seconds)
    beside = {"rounds_s": [each.seconds for each in rounds], "events_per_s": round(count / slower.seconds)}
    beside |= {"agent_cpu_s": slower.agent_cpu_s, "centre_cpu_s": slower.centre_cpu_s}
    alarm = {"p50_ms": round(percentile(alarms_ms, 0.5)), "alarms": len(alarms_ms)}
    p99_ms = round(percentile(alarms_ms, 0.99))
    return [
        row(f"start to ready, {count:,} events in the log", ready_s, "s", at_most=_READY_S),
        row(f"{count:,} events to the centre, slower of {_ROUNDS}", slower.seconds, "s", at_most=_REACH_S, **beside),
        row("forced door meanwhile, published → alert: p99", p99_ms, "ms", at_most=_ALARM_P99_MS, **alarm),
        row("on the wire, headers and heartbeats too", wire, "bytes an event", at_most=_WIRE_BYTES),
    ]


async def _drain(backlog: Path, count: int) -> _Drained:
    with rig(brokers()[-1]()) as here:
        await here.start_server()
        await here.enrol()
        shutil.copy(backlog / FILE, here.edge_folder / "data" / FILE)
        used_s, began = cpu_s(here.server.pid), time.monotonic()
        await here.start_edge()
        ready = time.monotonic()
        alarms = asyncio.create_task(_alarms(here))
        await until(lambda: here.centre_count() - _urgent(here) >= count, _LIMIT_S, _LOOK_S)
        seconds = time.monotonic() - ready
        alarms.cancel()
        agent_s, centre_s = cpu_s(here.edge.pid), cpu_s(here.server.pid) - used_s
        alarms_ms = await alarms
    return _Drained(round(ready - began, 2), round(seconds, 2), round(agent_s, 2), round(centre_s, 2), alarms_ms)


def _urgent(here: Rig) -> int:
    query = "SELECT coalesce(sum(last - first + 1), 0) FROM batch WHERE stream = 'urgent'"
    return here.centre_query(query)[0][0]


async def _alarms(here: Rig) -> list[float]:
    """Forced doors until cancelled, then until each is there; how long each took from when it was due."""
    step, sent = timedelta(seconds=1 / _ALARMS_A_SECOND), Acknowledged()
    messages = forced_door_messages(_MOST_ALARMS, datetime.now(UTC), step)
    load = publish("127.0.0.1", here.broker.port, messages, connections=1, rate=_ALARMS_A_SECOND, into=sent)
    publishing = asyncio.create_task(load)
    seen_s: dict[str, float] = {}
    with suppress(asyncio.CancelledError):
        while True:
            await _look(here, seen_s)
    publishing.cancel()
    due_s = {fact_of(messages[key][1]): sent.started_s + key / _ALARMS_A_SECOND for key in sent.keys}
    async with asyncio.timeout(_LIMIT_S):
        while not due_s.keys() <= seen_s.keys():  # one that the broker took and did not say so may be seen too
            await _look(here, seen_s)
    return [(seen_s[fact] - at_s) * 1000 for fact, at_s in due_s.items()]


async def _look(here: Rig, seen_s: dict[str, float]) -> None:
    """Note the alerts that the centre's screens could show by now."""
    now = time.monotonic()
    for (event,) in here.centre_query("SELECT event FROM alert"):
        found = _SOURCE_ID.search(event if isinstance(event, str) else event.decode())
        if found is not None:
            seen_s.setdefault(found[1], now)
    await asyncio.sleep(_LOOK_S)


async def _bytes_an_event(backlog: Path, count: int) -> float:
    """A drain of its own, through a relay that counts: the relay would slow the other."""
    with rig(brokers()[-1]()) as here:
        await here.start_server()
        async with CountingRelay(int(here.url.rsplit(":", 1)[1])) as relay:
            await here.enrol(f"http://127.0.0.1:{relay.port}")
            shutil.copy(backlog / FILE, here.edge_folder / "data" / FILE)
            before = relay.up_bytes
            await here.start_edge()
            await until(lambda: here.centre_count() >= count, _LIMIT_S)
            up_bytes = relay.up_bytes - before
            here.edge.stop()
    return round(up_bytes / count, 1)
