"""The readers of the centre's log, each alone and all in one process, on SQLite and PostgreSQL with fsync.

The mark is each reader's own on PostgreSQL, the city's engine, as one is rebuilt from the log. Its figures on SQLite,
and those of all readers in one process, which a city spreads over several, stand beside it without one.

The log is filled with the mix of benchmarks/city.py, as ingest stores it; then the readers follow it from the beginning
as the server's do: every shard, cursor and effect in one transaction. Alone, a reader unpacks everything for itself.
The curve is the cost of the last events of a log that grows while all readers keep up with it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.city import COMPLEXES, Gateway
from benchmarks.rows import Row, full, row
from eventlog.follow import Reader
from eventlog.log import Arrival
from server.batches import Unpacker
from server.bootstrap import PACE, close_house, open_house, shard_readers
from server.config import Complex, Config
from server.house import House
from server.shard_reader import Rest, ShardReader
from simulators.postgres import Postgres

_EVENTS, _GATEWAYS, _REACH = 100_000, 64, 80_000
_STEPS, _ALL_STEPS = 10, 100
_APPENDED_AT_ONCE = 50
_TARIFF = """\
timezone: Asia/Shanghai
plans:
  small:
    free: {minutes: 15, mode: from_start}
    charge: {kind: unit, unit_min: 60, fen: 200, rounding: ceil}
"""


async def run(scale: float) -> list[Row]:
    """Every reader alone over a log of 100,000 events (times ``scale``), then all at once while it grows tenfold."""
    events = max(_GATEWAYS, int(_EVENTS * scale))
    rows: list[Row] = []
    with ExitStack() as stack:
        for engine in ("SQLite", "PostgreSQL"):
            rows += await _alone(engine, stack.enter_context(_database(engine)), events)
            rows += await _together(engine, stack.enter_context(_database(engine)), events)
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


async def _together(engine: str, database: str, events: int) -> list[Row]:
    """All readers share what is unpacked, as in the server; a step of events after another."""
    steps = _ALL_STEPS if full() else _STEPS
    costs_us: list[float] = []
    async with _house(database) as house:
        gateways, readers = _gateways(), _readers(house)
        for _ in range(steps):
            await _fill(house, gateways, events)
            costs_us.append(await _caught_up(house, readers) * 1e6 / events)
    rate = round(1e6 * steps / sum(costs_us))
    curve = {f"{number * events:,}": round(costs_us[number - 1], 1) for number in (1, 10, 100) if number <= steps}
    rows = [row(f"all at once, {engine}", rate, "events/s", curve_us=curve)]
    return rows + [row(f"the last {events:,} of {of}, {engine}", cost_us, "µs/event") for of, cost_us in curve.items()]


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


async def _fill(house: House, gateways: list[Gateway], events: int) -> None:
    """Each gateway's share of the events, batch by batch in turn."""
    share, rest = divmod(events, len(gateways))
    days = [list(gateway.batches(share + (number < rest))) for number, gateway in enumerate(gateways)]
    in_turn: list[Arrival] = [day[index] for index in range(max(map(len, days))) for day in days if index < len(day)]
    for start in range(0, len(in_turn), _APPENDED_AT_ONCE):
        await house.log.append(in_turn[start : start + _APPENDED_AT_ONCE])


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
