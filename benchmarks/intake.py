"""Device message → broker → agent → durable → acknowledged, in real processes on one machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.messages import door_and_plate_messages
from simulators.broker import Broker, MosquittoBroker, NatsBroker
from simulators.load import publish
from tests.rig import Rig, until

_REACH = 10_000
_TICK_S = 0.02


async def run(scale: float) -> list[dict[str, Any]]:
    """For each broker there is: live at full speed, and the drain of a backlog it held."""
    count = int(60_000 * scale)
    brokers: list[type[Broker]] = [NatsBroker]
    if shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists():
        brokers.append(MosquittoBroker)
    rows: list[dict[str, Any]] = []
    for make in brokers:
        for backlog in (False, True):
            rows.append(await _measure(make(), count, backlog=backlog))
    return rows


async def _measure(broker: Broker, count: int, *, backlog: bool) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    rig = Rig(folder, broker)
    try:
        broker.start()
        rig.write_edge_settings("")
        await rig.start_edge()
        seconds, cpu_s, taken = await (_backlog if backlog else _live)(rig, count)
    finally:
        rig.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    rate = round(taken / seconds)
    kind = "backlog" if backlog else "live, publisher beside it"
    row: dict[str, Any] = {"what": f"through the drivers, {broker.name}, {kind}", "figure": rate, "unit": "events/s"}
    row |= {"events": taken, "cpu_ms_per_1000": round(cpu_s * 1e6 / taken)}
    return row | ({"reach": _REACH, "reached": rate >= _REACH} if backlog else {})


async def _live(rig: Rig, count: int) -> tuple[float, float, int]:
    messages = door_and_plate_messages(count, datetime.now(UTC))
    head, cpu_s, began = rig.edge_head(), _cpu_s(rig.edge.pid), time.perf_counter()
    await asyncio.gather(
        publish("127.0.0.1", rig.broker.port, messages, connections=2), _until_head(rig, head + len(messages))
    )
    return time.perf_counter() - began, _cpu_s(rig.edge.pid) - cpu_s, rig.edge_head() - head


async def _backlog(rig: Rig, count: int) -> tuple[float, float, int]:
    messages = door_and_plate_messages(count, datetime.now(UTC))
    head = rig.edge_head()
    rig.edge.stop()
    await publish("127.0.0.1", rig.broker.port, messages, connections=2)
    await rig.start_edge()
    started, cpu_s, began = rig.edge_head(), _cpu_s(rig.edge.pid), time.perf_counter()
    await _until_head(rig, head + len(messages))
    return time.perf_counter() - began, _cpu_s(rig.edge.pid) - cpu_s, rig.edge_head() - started


async def _until_head(rig: Rig, head: int) -> None:
    await until(lambda: rig.edge_head() >= head, 120.0, _TICK_S)


def _cpu_s(pid: int) -> float:
    """User and system seconds of a process so far (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
