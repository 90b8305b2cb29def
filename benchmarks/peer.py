"""Ours beside thingsboard-gateway: the same broker, the same messages, one after the other in the same run."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from benchmarks.gateway import Gatehouse
from benchmarks.messages import Message, door_and_plate_messages, fact_of
from benchmarks.peers import PeerMissing
from benchmarks.process import cpu_s, peak_rss_mb, rss_mb
from benchmarks.rows import Row, row
from benchmarks.thingsboard import ThingsBoard
from simulators.broker import Broker, MosquittoBroker
from simulators.load import Acknowledged, publish
from simulators.processes import Child

_TIMES, _REACH = 8, 12_000
_THEIRS, _OURS = 10_000, 60_000  # messages: each runs for some seconds
_KILL_RATE, _KILL_SECONDS, _COLD = 500, 8, 2_000
_QUIET_S, _LIMIT_S, _LOOK_S = 12.0, 120.0, 0.05


class Gateway(Protocol):
    """What is compared. ``rows`` and ``facts`` look into its storage from outside."""

    name: str

    @property
    def child(self) -> Child: ...

    async def start(self, *, cold: bool) -> None: ...

    async def restart(self) -> None: ...

    def rows(self) -> int: ...

    def facts(self) -> list[str]: ...

    def stop(self) -> None: ...


Make = Callable[[Path, Broker], Gateway]


async def run(scale: float) -> list[Row]:
    """Speed, loss over kill -9, and a start while the centre is away; theirs first, then ours."""
    try:
        theirs = await _speed(ThingsBoard, max(2_000, int(_THEIRS * scale)))
        lost = [await _kill(ThingsBoard, scale), await _kill(Gatehouse, scale)]
        cold = [await _cold(ThingsBoard), await _cold(Gatehouse)]
    except PeerMissing as error:
        return [row(f"thingsboard-gateway cannot be installed: {error}", 0, "", at_least=1)]
    ours = await _speed(Gatehouse, max(2_000, int(_OURS * scale)))
    times = round(ours[0]["figure"] / max(1, theirs[0]["figure"]), 1)
    ours[0] |= {"reach": f"≥ {_REACH:,}", "reached": ours[0]["figure"] >= _REACH}
    lost[1] |= {"reach": "≤ 0", "reached": lost[1]["figure"] == 0}
    cold[1] |= {"reach": f"≥ {_COLD:,}", "reached": cold[1]["figure"] >= _COLD}
    return [*theirs, *ours, row("ours beside theirs, stored a second", times, "times", at_least=_TIMES), *lost, *cold]


@contextmanager
def _gateway(make: Make) -> Iterator[tuple[Gateway, Broker]]:
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    with MosquittoBroker() as broker:
        gateway = make(folder, broker)
        try:
            yield gateway, broker
        finally:
            gateway.stop()
            shutil.rmtree(folder, ignore_errors=True)


async def _speed(make: Make, count: int) -> list[Row]:
    """Published at full speed while it listens; until the last row is there."""
    messages = door_and_plate_messages(count, datetime.now(UTC))
    with _gateway(make) as (gateway, broker):
        await gateway.start(cold=False)
        idle_mb, used_s, began = rss_mb(gateway.child.pid), cpu_s(gateway.child.pid), time.monotonic()
        await publish(broker.host, broker.port, messages, connections=2)
        ended = await _settled(gateway, gateway.rows, count)
        used_s, peak_mb = cpu_s(gateway.child.pid) - used_s, peak_rss_mb(gateway.child.pid)
        stored = len(_facts(messages) & set(gateway.facts()))
    rate, cpu_ms = round(stored / (ended - began)), round(used_s * 1e6 / max(1, stored), 1)
    return [
        row(f"{gateway.name}: stored, live at full speed", rate, "events/s", published=count, stored=stored),
        row(f"{gateway.name}: processor", cpu_ms, "ms per 1,000"),
        row(f"{gateway.name}: resident, at most", peak_mb, "MB", idle_mb=idle_mb),
    ]


async def _kill(make: Make, scale: float) -> Row:
    """kill -9 half way through a paced load, started again; what the broker had acknowledged and nobody has."""
    count = max(1_000, int(_KILL_RATE * _KILL_SECONDS * scale))
    messages, done = door_and_plate_messages(count, datetime.now(UTC)), Acknowledged()
    with _gateway(make) as (gateway, broker):
        await gateway.start(cold=False)
        load = publish(broker.host, broker.port, messages, connections=2, rate=_KILL_RATE, into=done)
        publishing = asyncio.create_task(load)
        await asyncio.sleep(count / _KILL_RATE / 2)
        gateway.child.kill()
        before = gateway.facts()
        await gateway.restart()
        await publishing
        await _settled(gateway, lambda: len(_facts(messages) & set(gateway.facts())), count)
        found = gateway.facts()
    acknowledged = {fact_of(messages[key][1]) for key in done.keys}
    lost, twice = acknowledged - set(found) - set(before), len(found) - len(set(found))
    what = f"{gateway.name}: lost of {len(acknowledged):,} acknowledged over kill -9 at {_KILL_RATE}/s"
    return row(what, len(lost), "events", twice=twice, stored_at_kill=len(before))


async def _cold(make: Make) -> Row:
    """Started while its centre is away; what it stored of what it was sent, and what came through later."""
    messages = door_and_plate_messages(_COLD, datetime.now(UTC))
    with _gateway(make) as (gateway, broker):
        await gateway.start(cold=True)
        await publish(broker.host, broker.port, messages, connections=2)
        await _settled(gateway, lambda: len(_facts(messages) & set(gateway.facts())), _COLD)
        stored = len(_facts(messages) & set(gateway.facts()))
        delivered = {"delivered": await gateway.delivered(_COLD)} if isinstance(gateway, Gatehouse) else {}
    what = f"{gateway.name}: stored of {_COLD:,} after a start with the centre away"
    return row(what, stored, "events", **delivered)


def _facts(messages: list[Message]) -> set[str]:
    return {fact_of(payload) for _, payload in messages}


async def _settled(gateway: Gateway, count: Callable[[], int], enough: int) -> float:
    """When the last one came: until there are enough, or for some time no more. Monotonic seconds."""
    began = changed = time.monotonic()
    last = 0
    while last < enough and time.monotonic() - changed < _QUIET_S and time.monotonic() - began < _LIMIT_S:
        now = count()
        if now != last:
            last, changed = now, time.monotonic()
        await asyncio.sleep(_LOOK_S)
    assert gateway.child.running, f"{gateway.name} ended:\n{gateway.child.tail()}"
    return changed
