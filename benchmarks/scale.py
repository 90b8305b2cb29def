"""What an event costs at the centre, in processor, write-ahead log and disk: what docs/scale.md reckons with.

The mix of benchmarks/city.py goes into PostgreSQL as ingest puts it there, in batches as small as a quiet gateway sends
and as large as a backlog's; then all readers take it. Processor time counts PostgreSQL's too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from benchmarks import ingest_city, projections
from benchmarks.city import Gateway
from benchmarks.rows import Row, row
from benchmarks.senders import closed_loop, enrolled
from domain.wire import pack, read_header, split_events, unpack
from eventlog.log import Arrival
from eventlog.shards import shard_of
from server.house import House
from server.ingest import checked
from server.store.schema import metadata
from simulators.postgres import Postgres

_EVENTS, _SMALL, _LARGE = 60_000, 2, 500
_TICKS = os.sysconf("SC_CLK_TCK")
_LOG = ("batch", "mark")
_SIZE = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND relname ~ $1"
_LSN = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"


async def run(scale: float) -> list[Row]:
    """Ingest in small and in large batches, then the readers, each with its processor time and its bytes."""
    events, rows = max(1_000, int(_EVENTS * scale)), list[Row]()
    for size in (_SMALL, _LARGE):
        with Postgres() as server:
            async with projections._house(server.url()) as house:
                rows += await _measured(house, server.url(), events, size)
            async with projections._house(server.url()) as house:
                rows += [await _alone(house, server.url(), max(20, int(400 * scale)))] if size == _SMALL else []
    return [*rows, await _requests(max(2, int(20 * scale)))]


async def _requests(count: int) -> Row:
    """A batch of a few events by HTTP: what the server's process and PostgreSQL spend on it."""
    async with ingest_city._city() as (rig, url, session):
        names = [f"complex-{number}" for number in range(ingest_city._COMPLEXES)]
        senders = await enrolled(session, rig.url, url, 100, names)
        for sender in senders:
            sender.make("small", count, _SMALL)
        connection = await asyncpg.connect(url)
        before_s = _cpu_s(connection, rig.server.pid)
        await closed_loop(rig.url, senders)
        spent_s = _cpu_s(connection, rig.server.pid) - before_s
        await connection.close()
        return row(f"a request with {_SMALL} events", round(spent_s * 1e6 / (100 * count)), "µs/request")


async def _measured(house: House, url: str, events: int, size: int) -> list[Row]:
    arrivals = list(_batches(events, size))
    count = sum(arrival.header.count for arrival in arrivals)
    of = f"batches of {size}"
    rows = [row(f"on the wire, {of}", _each(sum(len(one.packed) for one in arrivals), count), "bytes/event")]
    took = await _costs(url, lambda: _ingest(house, arrivals))
    rows += [
        row(f"ingest, {of}", _each(took.cpu_s * 1e6, count), "µs/event"),
        row(f"write-ahead log of ingest, {of}", _each(took.wal_bytes, count), "bytes/event"),
        row(f"log on disk, {of}", _each(await _size(url, "^(batch|mark)"), count), "bytes/event"),
    ]
    took = await _costs(url, lambda: projections._caught_up(house, projections._readers(house)))
    tables = "|".join(name for name in metadata.tables if name not in _LOG)
    return [
        *rows,
        row(f"readers, {of}", _each(took.cpu_s * 1e6, count), "µs/event"),
        row(f"write-ahead log of readers, {of}", _each(took.wal_bytes, count), "bytes/event"),
        row(f"projections and books on disk, {of}", _each(await _size(url, f"^({tables})$"), count), "bytes/event"),
    ]


async def _alone(house: House, url: str, batches: int) -> Row:
    """Each batch as it comes, on a day without haste: all readers take it before the next one is there."""
    arrivals = [one for one in _batches(64 * batches, _SMALL) if one.header.gateway == "gw-000"][:batches]
    again = [_renamed(one) for one in arrivals]
    readers, shard = projections._readers(house), shard_of(again[0].complex)

    async def work() -> None:
        for one in again:
            await house.log.append([one])
            for reader in readers:
                await projections._to_the_end(house, shard, reader)

    took = await _costs(url, work)
    return row(f"append and readers, a batch of {_SMALL} alone", _each(took.cpu_s * 1e6, len(again)), "µs/batch")


def _renamed(arrival: Arrival) -> Arrival:
    header, unpacked = unpack(arrival.packed)
    packed = pack(header.gateway, header.stream, "alone", header.first, split_events(unpacked))
    return Arrival(read_header(packed), packed, arrival.complex)


def _each(total: float, count: int) -> float:
    return round(total / count, 1)


def _batches(events: int, size: int) -> Iterator[Arrival]:
    """The days of 64 gateways, cut into batches of at most so many events."""
    start = datetime.now(UTC) - timedelta(days=1)
    for number in range(64):
        gateway, heads = Gateway(number, start), dict[str, int]()
        for arrival in gateway.batches(events // 64):
            yield from _cut(arrival, size, heads)


def _cut(arrival: Arrival, size: int, heads: dict[str, int]) -> Iterator[Arrival]:
    header, unpacked = unpack(arrival.packed)
    bodies = split_events(unpacked)
    for first in range(0, len(bodies), size):
        some = bodies[first : first + size]
        head = heads.get(header.stream, 0)
        heads[header.stream] = head + len(some)
        packed = pack(header.gateway, header.stream, header.epoch, head + 1, some)
        yield Arrival(read_header(packed), packed, arrival.complex)


async def _ingest(house: House, arrivals: Sequence[Arrival]) -> None:
    """Checked and appended in groups, as under load; the HTTP around it is in ``ingest-city``."""
    for start in range(0, len(arrivals), 50):
        group = [checked(one.header.gateway, one.complex, one.packed) for one in arrivals[start : start + 50]]
        await house.log.append(group)


class _Took(msgspec.Struct, frozen=True):
    cpu_s: float
    wal_bytes: int


async def _costs(url: str, work: Callable[[], Awaitable[object]]) -> _Took:
    connection = await asyncpg.connect(url)
    try:
        lsn, cpu_s = await connection.fetchval(_LSN), _cpu_s(connection, os.getpid())
        await work()
        await asyncio.sleep(0.3)  # what ends now is counted
        return _Took(_cpu_s(connection, os.getpid()) - cpu_s, int(await connection.fetchval(_LSN) - lsn))
    finally:
        await connection.close()


def _cpu_s(connection: asyncpg.Connection, process: int) -> float:
    """Of a process of ours, and of PostgreSQL with its children, those that ended too."""
    backend = connection.get_server_pid()
    postmaster = int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return sum(_spent_s(pid) for pid in (str(process), str(postmaster), *children))


def _spent_s(pid: str) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    own = int(fields[11]) + int(fields[12])
    return own / _TICKS


async def _size(url: str, names: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CHECKPOINT")
        return int(await connection.fetchval(_SIZE, names))
    finally:
        await connection.close()
