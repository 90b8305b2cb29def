"""The centre on SQLite with fsync: fifty gateways at once, events acknowledged a second, and the readers behind."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.senders import closed_loop, enrolled
from server.store import address
from simulators.broker import NatsBroker
from tests.rig import Rig, until

_GATEWAYS, _BATCHES, _BATCH_EVENTS, _REACH = 50, 16, 500, 60_000


async def run(scale: float) -> list[dict[str, Any]]:
    """Closed loop of fifty gateways, each one batch at a time; then how long the readers need to catch up."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    rig = Rig(folder, NatsBroker())
    try:
        await rig.start_server()
        return await _measure(rig, max(2, int(_BATCHES * scale)))
    finally:
        rig.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(rig: Rig, batches: int) -> list[dict[str, Any]]:
    connector = aiohttp.TCPConnector(limit=_GATEWAYS)
    async with aiohttp.ClientSession(connector=connector) as session:
        database = address.sqlite(rig.server_folder / address.FILE)
        senders = await enrolled(session, rig.url, database, _GATEWAYS)
        for sender in senders:
            sender.make("bench", batches, _BATCH_EVENTS)
        began = time.perf_counter()
        seconds, times_s = await closed_loop(rig.url, senders)
    events = _GATEWAYS * batches * _BATCH_EVENTS
    assert rig.centre_count() == events, "not every acknowledged event is there"
    await until(lambda: _caught_up(rig), 300.0, 0.1)
    behind_s = time.perf_counter() - began
    rate, all_rate = round(events / seconds), round(events / behind_s)
    return [
        {
            "what": f"{_GATEWAYS} gateways, SQLite FULL, readers running",
            "figure": rate,
            "unit": "events/s",
            "reach": _REACH,
            "reached": rate >= _REACH,
            "p50_ms": round(times_s[len(times_s) // 2] * 1000),
            "p99_ms": round(times_s[int(len(times_s) * 0.99)] * 1000),
        },
        {"what": "until alerts, doors, parking and charges stand", "figure": all_rate, "unit": "events/s"},
    ]


def _caught_up(rig: Rig) -> bool:
    ((head,),) = rig.centre_query("SELECT max(position) FROM batch")
    rows = rig.centre_query("SELECT position FROM cursor")
    return len(rows) >= 4 and all(position >= head for (position,) in rows)
