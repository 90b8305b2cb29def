"""Gateways that append batch after batch to the log, as ingest does, and remember what was acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec

from domain.wire import read_header
from eventlog.log import Arrival, LogBroken
from eventlog.postgres_batches import PostgresBatchLog
from eventlog.postgres_leader import NoLeader, connect
from tests.eventlog.logs import batch
from tests.faults.story import Story
from tests.rig import until

GATEWAYS, EVENTS = 8, 20
_PAUSE_S, _AGAIN_S = 0.02, 0.1
_GO_ON_LIMIT_S = 120.0

Batch = tuple[str, int]  # the gateway, and the first sequence


class Writers:
    """Each gateway has a complex of its own and sends one batch at a time, the same again until it is acknowledged."""

    def __init__(self, logs: list[PostgresBatchLog], run: str) -> None:
        self.acknowledged: set[Batch] = set()
        self.refusals = 0
        self._logs = logs
        self._names = [f"{run}-{number}" for number in range(GATEWAYS)]
        self._asked_s = dict.fromkeys(self._names, 0.0)  # when the newest batch that was acknowledged was sent first

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, name in enumerate(self._names):
                tasks.create_task(self._gateway(name, self._logs[number % len(self._logs)]))

    async def go_on(self, after_s: float) -> float:
        """Until every gateway has sent a batch after that moment and it was acknowledged; seconds from then."""
        await until(lambda: min(self._asked_s.values()) > after_s, _GO_ON_LIMIT_S, 0.02)
        return time.monotonic() - after_s

    async def more(self, batches: int) -> None:
        """Until so many more were acknowledged."""
        enough = len(self.acknowledged) + batches
        await until(lambda: len(self.acknowledged) >= enough, _GO_ON_LIMIT_S, 0.02)

    async def _gateway(self, name: str, log: PostgresBatchLog) -> None:
        first = 1
        while True:
            arrival = _arrival(name, first)
            asked_s = time.monotonic()
            if await self._append(log, arrival):
                self.acknowledged.add((name, first))
                self._asked_s[name] = asked_s
                first += EVENTS
            await asyncio.sleep(_PAUSE_S)

    async def _append(self, log: PostgresBatchLog, arrival: Arrival) -> bool:
        try:
            (receipt,) = await log.append([arrival])
        except LogBroken:
            self.refusals += 1
            await asyncio.sleep(_AGAIN_S)
            return False
        assert receipt.outcome in ("stored", "known"), receipt
        return True


class Findings(msgspec.Struct):
    """What speaks against "acknowledged means kept, once"; all empty where it holds."""

    acknowledged: int
    rows: int
    lost: list[Batch]
    twice: list[Batch]
    marks: list[str]  # gateways whose mark is not where their rows end, or whose rows leave something out

    def tell(self, story: Story) -> None:
        story.tell(batches=self.acknowledged, lost=len(self.lost), twice=len(self.twice), marks_off=len(self.marks))


@asynccontextmanager
async def writing(url: str, run: str) -> AsyncIterator[Writers]:
    """Gateways that write through two logs, as two processes have them; all are at work when this begins."""
    logs = [await PostgresBatchLog.open(url, lambda: datetime.now(UTC)) for _ in range(2)]
    writers = Writers(logs, run)
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(writers.run())  # where it fails, so does the test, at once
            await writers.go_on(time.monotonic())
            yield writers
            task.cancel()
    finally:
        for log in logs:
            await log.close()


async def look(url: str, acknowledged: set[Batch]) -> Findings:
    """Compare what was acknowledged to these gateways with what the leader holds of them."""
    connection = await _to_leader(url)
    try:
        names = sorted({gateway for gateway, _ in acknowledged})
        sql = "SELECT gateway, first, last FROM batch WHERE gateway = ANY($1) ORDER BY gateway, first"
        rows = await connection.fetch(sql, names)
        marks = dict(await connection.fetch("SELECT gateway, last FROM mark WHERE gateway = ANY($1)", names))
    finally:
        await connection.close()
    return judge(acknowledged, [tuple(row) for row in rows], marks)


async def _to_leader(url: str) -> Any:
    """A connection; a node that has just been made leader may not be ready to be written to."""
    async with asyncio.timeout(_GO_ON_LIMIT_S):
        while True:
            try:
                return await connect(url, timeout=5)
            except NoLeader:
                await asyncio.sleep(_AGAIN_S)


def judge(acknowledged: set[Batch], rows: list[tuple[str, int, int]], marks: dict[str, int]) -> Findings:
    """``rows`` are (gateway, first, last), sorted."""
    kept = [(gateway, first) for gateway, first, _ in rows]
    ends: dict[str, int] = {}
    off: set[str] = set()
    for gateway, first, last in rows:
        if first != ends.get(gateway, 0) + 1:
            off.add(gateway)
        ends[gateway] = last
    off |= {gateway for gateway in marks.keys() | ends.keys() if marks.get(gateway) != ends.get(gateway)}
    twice = sorted({each for each, following in pairwise(kept) if each == following})
    return Findings(len(acknowledged), len(rows), sorted(acknowledged - set(kept)), twice, sorted(off))


def _arrival(gateway: str, first: int) -> Arrival:
    packed = batch(gateway, first, EVENTS)
    return Arrival(read_header(packed), packed, f"complex of {gateway}")
