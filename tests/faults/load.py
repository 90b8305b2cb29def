"""Numbered door events and plates in their vendors' bytes, published while things go wrong."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from simulators.devices import vzenith
from simulators.devices.uhppoted import Controller
from simulators.load import Acknowledged, publish
from tests.books import unbalanced
from tests.faults.invariants import Fact, Findings, look
from tests.rig import Rig

SITE = ZoneInfo("Asia/Shanghai")
DOORS_SERIAL = 405419895
CAMERA = vzenith.Camera("fe71e106-57263272", "东门入口")
QUIET_S = 6.0  # longer than the broker of these rigs waits before it sends again
_STALL_S = 90.0
_PORTION_S = 10.0


class Numbered(msgspec.Struct, frozen=True):
    """A message, and the fact it states."""

    topic: str
    payload: bytes
    fact: Fact


def messages(count: int, start: datetime, first: int = 1) -> list[Numbered]:
    """Half door events, half plates, numbered from ``first``; each is a fact of its own."""
    controller = Controller(DOORS_SERIAL, SITE, first)
    made: list[Numbered] = []
    for number in range(count // 2):
        at = start + timedelta(milliseconds=number)
        swipe = controller.swipe(1 + number % 4, 8_165_537, 1, at)[0]
        event = msgspec.json.decode(swipe.payload)["message"]["event"]["event"]
        made.append(Numbered(swipe.topic, swipe.payload, (f"uhppoted:{DOORS_SERIAL}", str(event["event-id"]))))
        plate = vzenith.plate(CAMERA, vzenith.Plate(text="粤B8K6Q2"), number + 1, at)
        result = msgspec.json.decode(plate.payload)["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]
        made.append(Numbered(plate.topic, plate.payload, (f"vzenith:{CAMERA.sn}", result["unique_id"])))
    return made


class Published:
    """Messages on their way to the broker, and which of them it has acknowledged."""

    def __init__(self, numbered: Sequence[Numbered]) -> None:
        self._numbered = numbered
        self.into = Acknowledged()

    @property
    def facts(self) -> set[Fact]:
        return {self._numbered[key].fact for key in self.into.keys}

    async def send(self, port: int, rate: float | None, window: int = 50) -> None:
        """Until all are acknowledged. Raises LoadFailed where the broker stays away."""
        pairs = [(message.topic, message.payload) for message in self._numbered]
        await publish(
            "127.0.0.1", port, pairs, connections=2, window=window, rate=rate, into=self.into, stall_s=_STALL_S
        )


_firsts = itertools.count(1, 1_000_000)  # each load's facts are its own


class Load:
    """Numbered messages at a rate, portion after portion, for as long as what is done under them takes."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._count = max(2, int(rate * _PORTION_S)) // 2 * 2
        self._first = next(_firsts)
        self._portions: list[Published] = []

    @property
    def facts(self) -> set[Fact]:
        """What the broker acknowledged so far."""
        return {fact for portion in self._portions for fact in portion.facts}

    async def send(self, port: int) -> None:
        """Until cancelled. Raises LoadFailed where the broker stays away."""
        while True:
            made = messages(self._count, datetime.now(UTC) - timedelta(minutes=2), self._first)
            self._first += self._count // 2
            self._portions.append(Published(made))
            await self._portions[-1].send(port, self._rate)


@asynccontextmanager
async def loaded(rig: Rig, rate: float) -> AsyncIterator[Load]:
    """Publish at a rate within the block, however long it takes; what was acknowledged stays in the result."""
    load = Load(rate)
    publishing = asyncio.create_task(load.send(rig.broker.port))
    try:
        yield load
        if publishing.done():
            publishing.result()
    finally:
        publishing.cancel()
        await asyncio.wait([publishing])


async def under_load(
    rig: Rig, rate: float, times: int, action: Callable[[], Awaitable[None]], every_s: float
) -> Findings:
    """Publish at a rate, do ``action`` so many times meanwhile, then stop and let it drain."""
    async with loaded(rig, rate) as load:
        for _ in range(times):
            await asyncio.sleep(every_s)
            await action()
    return await settled(rig, load.facts)


async def settled(
    rig: Rig,
    acknowledged: set[Fact],
    timeout_s: float = 90.0,
    *,
    quiet_s: float = QUIET_S,
    source_order: bool = False,
) -> Findings:
    """What is found once nothing is missing, or once nothing moves for longer than any redelivery takes."""
    loop = asyncio.get_running_loop()
    end, moved_at, before = loop.time() + timeout_s, loop.time(), (-1, -1)
    while loop.time() < end and loop.time() - moved_at < quiet_s:
        now = (rig.centre_count(), behind(rig))
        if now != before:
            before, moved_at = now, loop.time()
        elif now[1] == 0 and _complete(look(rig, acknowledged)):
            break
        await asyncio.sleep(0.3)
    found = look(rig, acknowledged, source_order=source_order)
    if rig.is_the_product and not found.waiting and rig.edge.running and rig.server.running:
        found.unbalanced = await unbalanced(rig)
    return found


def _complete(findings: Findings) -> bool:
    return not findings.lost and not findings.waiting


def behind(rig: Rig) -> int:
    """How many sequences of the agent's present epochs the centre has no mark over."""
    marks = {(row[0], row[1]): row[2] for row in rig.centre_query("SELECT stream, epoch, last FROM mark")}
    with closing(sqlite3.connect(f"file:{rig.edge_folder}/data/log.db?mode=ro", uri=True, timeout=10)) as db:
        rows = db.execute("SELECT name, epoch, head FROM stream").fetchall()
    return sum(head - marks.get((stream, epoch), 0) for stream, epoch, head in rows)
