"""The readers of the centre's log, each alone and all in one process, on SQLite and PostgreSQL with fsync.

The mark is each reader's own on PostgreSQL, the city's engine, as one is rebuilt from the log. Its figures on SQLite,
and those of all readers in one process, which a city spreads over several, stand beside it without one.

The log is filled with the mix of benchmarks/city.py, as ingest stores it; then the readers follow it from the beginning
as the server's do: every shard, cursor and effect in one transaction. Alone, a reader unpacks everything for itself.
The curve is the cost of an event in a log that grows while all readers keep up with it, storing it included: the
processor time of readers and database, which who else works on the machine changes least, and beside it the seconds by
the clock. Each is the median of the last five steps, as one step may hold a checkpoint and the next none.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.city import COMPLEXES, Gateway
from benchmarks.process import cpu_s
from benchmarks.rows import Row, full, row
from eventlog.follow import Reader
from eventlog.log import Arrival
from server.batches import Unpacker
from server.behind import PACE
from server.bootstrap import close_house, open_house
from server.config import Complex, Config
from server.house import House
from server.readers import shard_readers
from server.shard_reader import Rest, ShardReader
from simulators.postgres import Postgres

_EVENTS, _GATEWAYS, _REACH = 100_000, 64, 80_000
_STEP = 100_000
_POINTS = (100_000, 1_000_000, 10_000_000)  # the last one with FULL=1
_SMOOTHED = 5  # steps, where there were so many
_APPENDED_AT_ONCE = 50
_TARIFF = """\
timezone: Asia/Shanghai
plans:
  small:
    free: {minutes: 15, mode: from_start}
    charge: {kind: unit, unit_min: 60, fen: 200, rounding: ceil}
"""


class Cost(NamedTuple):
    """Of one event, in microseconds: of a core, and by the clock to store it and to take it up by every reader."""

    cpu_us: float
    stored_us: float
    read_us: float


async def run(scale: float) -> list[Row]:
    """Every reader alone over a log of 100,000 events, then all at once while one grows; both times ``scale``."""
    events = max(_GATEWAYS, int(_EVENTS * scale))
    rows: list[Row] = []
    with ExitStack() as stack:
        for engine in ("SQLite", "PostgreSQL"):
            rows += await _alone(engine, stack.enter_context(_database(engine)), events)
            rows += await _together(engine, stack.enter_context(_database(engine)), scale)
    return rows


@contextmanager
def _database(engine: str) -> Iterator[str]:
    """What a server's settings name for it; both keep what they acknowledged through a power cut."""
    if engine == "SQLite":
        yield ""
        return
    with Postgres() as server:
        yield server.url()


async def _alone(engine: str, database: str, events: int) -> list[Row]:
    rows: list[Row] = []
    async with _house(database) as house:
        await _fill(house, _gateways(), events)
        for name in [reader.name for reader in _readers(house)]:
            readers = [reader for reader in _readers(house) if reader.name == name]
            rate = round(events / await _caught_up(house, readers))
            rows.append(row(f"{name} alone, {engine}", rate, "events/s", at_least=_REACH if database else None))
    return rows


async def _together(engine: str, database: str, scale: float) -> list[Row]:
    """All readers share what is unpacked, as in the server; a step of events after another."""
    step, points = _points(scale)
    costs: list[Cost] = []
    async with _house(database) as house:
        gateways, readers = _gateways(), _readers(house)
        for _ in range(points[-1] // step):
            used_s = cpu_s(os.getpid())
            stored_s, read_s = await _fill(house, gateways, step), await _caught_up(house, readers)
            costs.append(Cost(*(s * 1e6 / step for s in (cpu_s(os.getpid()) - used_s, stored_s, read_s))))
    rate = round(1e6 * len(costs) / sum(cost.read_us for cost in costs))
    curve = [_at(f"an event when the log has {point:,}, {engine}", costs[: point // step]) for point in points]
    return [row(f"all at once, {engine}", rate, "events/s"), *curve]


def _points(scale: float) -> tuple[int, list[int]]:
    """The step, and the lengths of the log at which the cost is told: at least as many steps as are smoothed."""
    step = max(_GATEWAYS, int(_STEP * scale))
    return step, [point // _STEP * step for point in (_POINTS if full() else _POINTS[:-1])]


def _at(what: str, costs: list[Cost]) -> Row:
    cpu_us, stored_us, read_us = (round(median(of), 1) for of in zip(*costs[-_SMOOTHED:], strict=True))
    return row(what, cpu_us, "µs of a core", stored_us=stored_us, read_us=read_us)


@asynccontextmanager
async def _house(database: str) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        folder = Path(name)
        (folder / "tariff.yaml").write_text(_TARIFF)
        complexes = [Complex(of, of, tariff="tariff.yaml") for of in COMPLEXES]
        house = await open_house(folder, Config(complexes=complexes, database=database))
        try:
            yield house
        finally:
            await close_house(house)


def _readers(house: House) -> list[ShardReader]:
    return shard_readers(house, Unpacker(), Rest(lambda: False))


def _gateways() -> list[Gateway]:
    start = datetime.now(UTC) - timedelta(days=1)
    return [Gateway(number, start) for number in range(_GATEWAYS)]


async def _fill(house: House, gateways: list[Gateway], events: int) -> float:
    """Each gateway's share of the events, batch by batch in turn; the seconds that the log took to store them."""
    share, rest = divmod(events, len(gateways))
    days = [list(gateway.batches(share + (number < rest))) for number, gateway in enumerate(gateways)]
    in_turn: list[Arrival] = [day[index] for index in range(max(map(len, days))) for day in days if index < len(day)]
    began = time.perf_counter()
    for start in range(0, len(in_turn), _APPENDED_AT_ONCE):
        await house.log.append(in_turn[start : start + _APPENDED_AT_ONCE])
    return time.perf_counter() - began


async def _caught_up(house: House, readers: Sequence[Reader]) -> float:
    """How many seconds the readers need to the end of every shard."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for shard in house.log.partitions:
            for reader in readers:
                tasks.create_task(_to_the_end(house, shard, reader))
    return time.perf_counter() - began


async def _to_the_end(house: House, shard: str, reader: Reader) -> None:
    position = await reader.position(shard)
    while records := await house.log.read(shard, position, PACE.limit):
        position = await reader.take(shard, records)
