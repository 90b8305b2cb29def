"""The centre on PostgreSQL with fsync: two hundred gateways of thirty-two complexes, beside a raw COPY of such rows."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from benchmarks.rows import Row, percentile, row
from benchmarks.senders import Sender, closed_loop, enrolled, paced
from domain.wire import split_events, unpack
from simulators.broker import NatsBroker
from simulators.postgres import Postgres
from simulators.processes import Child
from simulators.products import command
from tests.rig import Rig, start

_GATEWAYS, _COMPLEXES = 200, 32
_LARGE, _SMALL = 500, 10  # events a batch
_REACH_LARGE, _REACH_SMALL, _REACH_P99_MS, _OF_COPY = 120_000, 30_000, 25, 0.6
_PACED_S, _COPIERS = 10.0, 4
_TABLE = """CREATE TABLE copied(
    gateway text, stream text, epoch text, sequence bigint, received_at timestamptz, body text)"""


async def run(scale: float) -> list[Row]:
    """Batches of 500 in a closed loop, then paced at half of what must be reached; batches of 10; the COPY."""
    async with _city() as (rig, url, session):
        names = [f"complex-{number}" for number in range(_COMPLEXES)]
        senders = await enrolled(session, rig.url, url, _GATEWAYS, names)
        copied = await _copied(url, senders, max(1, int(4 * scale)))
        rows = [await _large(rig, senders, max(1, int(8 * scale)), copied)]
        rows.append(await _paced(rig, senders, scale))
        rows.append(await _small(rig, senders, max(5, int(40 * scale))))
        return [*rows, row("raw COPY of the same rows, without an index", copied, "events/s")]


@asynccontextmanager
async def _city() -> AsyncGenerator[tuple[Rig, str, aiohttp.ClientSession]]:
    """A centre of many complexes on a PostgreSQL of its own."""
    complexes = "".join(f'[[complexes]]\nid = "complex-{n}"\nname = "小区 {n}"\n' for n in range(_COMPLEXES))
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder, Postgres() as postgres:
        rig = Rig(Path(folder), NatsBroker(), extra_server=complexes, database=postgres.url())
        try:
            rig.server.command += ["--only-requests", "--share-port"]
            await rig.start_server()
            await start(Child("beside", rig.server.command, rig.folder), "ready http")
            readers = Child("work", [command("gatehouse-server"), "work", "--data", str(rig.server_folder)], rig.folder)
            await start(readers, "ready")
            connector = aiohttp.TCPConnector(limit=_GATEWAYS)
            async with aiohttp.ClientSession(connector=connector) as session:
                yield rig, postgres.url(), session
        finally:
            rig.stop_all()  # and with us whatever else we started


async def _large(rig: Rig, senders: Sequence[Sender], count: int, copied: int) -> Row:
    rate, times_s = await _all_there(rig, senders, ("large", count, _LARGE))
    what, of_copy = f"{_GATEWAYS} gateways, PostgreSQL, batches of {_LARGE}", round(rate / copied, 2)
    p99_ms = round(percentile(times_s, 0.99) * 1_000, 1)
    made = row(what, rate, "events/s", at_least=_REACH_LARGE, p99_ms=p99_ms, of_copy=of_copy)
    return {**made, "reached": made["reached"] and of_copy >= _OF_COPY}


async def _paced(rig: Rig, senders: Sequence[Sender], scale: float) -> Row:
    every_s = _GATEWAYS * _LARGE / (_REACH_LARGE / 2)
    for sender in senders:
        sender.make("paced", max(2, int(_PACED_S * scale / every_s)), _LARGE)
    times_s = await paced(rig.url, senders, every_s)
    what = f"a batch of {_LARGE} at {_REACH_LARGE // 2:,} events/s, p99"
    p50_ms, p99_ms = (round(percentile(times_s, part) * 1_000, 1) for part in (0.5, 0.99))
    return row(what, p99_ms, "ms", at_most=_REACH_P99_MS, p50_ms=p50_ms)


async def _small(rig: Rig, senders: Sequence[Sender], count: int) -> Row:
    rate, times_s = await _all_there(rig, senders, ("small", count, _SMALL))
    what, p99_ms = f"{_GATEWAYS} gateways, batches of {_SMALL}", round(percentile(times_s, 0.99) * 1_000, 1)
    return row(what, rate, "events/s", at_least=_REACH_SMALL, p99_ms=p99_ms)


async def _all_there(rig: Rig, senders: Sequence[Sender], what: tuple[str, int, int]) -> tuple[int, list[float]]:
    """Events a second, and each request's seconds; every acknowledged event is looked for."""
    before, events = rig.centre_query("SELECT count(*) FROM batch")[0][0], len(senders) * what[1] * what[2]
    for sender in senders:
        sender.make(*what)
    seconds, times_s = await closed_loop(rig.url, senders)
    assert rig.centre_query("SELECT count(*) FROM batch")[0][0] == before + len(senders) * what[1]
    return round(events / seconds), times_s


async def _copied(url: str, senders: Sequence[Sender], count: int) -> int:
    """Events a second of COPY into a bare table: what the disk and PostgreSQL take at most, a row an event."""
    for sender in senders:
        sender.make("copied", count, _LARGE)
    rows = [record for sender in senders for packed in sender.packed for record in _rows_of(packed)]
    connections = [await asyncpg.connect(url) for _ in range(_COPIERS)]
    await connections[0].execute(_TABLE)
    pieces = [rows[number : number + 5_000] for number in range(0, len(rows), 5_000)]
    began = time.perf_counter()
    await asyncio.gather(*(_copy(one, pieces[number::_COPIERS]) for number, one in enumerate(connections)))
    seconds = time.perf_counter() - began
    await connections[0].execute("DROP TABLE copied")
    for one in connections:
        await one.close()
    return round(len(rows) / seconds)


async def _copy(connection: asyncpg.Connection, pieces: Sequence[Sequence[tuple[object, ...]]]) -> None:
    for piece in pieces:
        await connection.copy_records_to_table("copied", records=piece)


def _rows_of(packed: bytes) -> list[tuple[object, ...]]:
    header, unpacked = unpack(packed)
    now, origin = datetime.now(UTC), (header.gateway, header.stream, header.epoch)
    bodies = (event.decode() for event in split_events(unpacked))
    return [(*origin, header.first + number, now, body) for number, body in enumerate(bodies)]
